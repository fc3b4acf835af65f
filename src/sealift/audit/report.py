"""A report: the verdict and the findings on one subject, and how reports are made."""

import functools
import multiprocessing
import signal
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from sealift import console
from sealift.audit.allowance import Allowance
from sealift.audit.finding import Finding, Severity
from sealift.audit.inventory import Inventory, take_inventory
from sealift.audit.needs import Needs, needs_of
from sealift.audit.platform import judge
from sealift.audit.rules import RULES
from sealift.audit.verdict import Verdict
from sealift.errors import SealiftError
from sealift.target import cpu_count

_SERIAL = 3  # fewer subjects than this are not worth other processes
_ORDER = {severity: number for number, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an audit says of the subject ``name`` at ``path``.

    ``files`` and ``size`` count its regular files and their bytes, ``natives`` are the paths of the
    native ones.  ``findings`` come worst first.  ``needs`` tells which native file needs which.
    """

    path: Path
    name: str
    kind: str
    files: int
    size: int
    natives: tuple[str, ...]
    verdict: Verdict
    findings: tuple[Finding, ...]
    needs: Needs = field(default_factory=dict)

    @property
    def worst(self) -> Severity | None:
        """The severity of the worst finding."""
        return self.findings[0].severity if self.findings else None


def missing_libraries(report: Report) -> frozenset[str]:
    """Libraries from outside that no tag promises."""
    outside = (it.library for it in report.verdict.externals if not it.promised_by)
    return frozenset(outside) - report.needs.keys()


def audit(path: Path, allowance: Allowance | None = None) -> Report:
    """The report on the file or folder at ``path``.

    Damage to the subject is among the findings.  Raises
    :class:`~sealift.errors.ArchiveError` when there is nothing at ``path``.
    """
    return make_report(take_inventory(path), allowance or Allowance())


def make_report(inventory: Inventory, allowance: Allowance) -> Report:
    """The report on ``inventory``: what every rule says of it."""
    verdict = judge(inventory)
    findings = [
        *inventory.problems,
        *allowance.findings(verdict),
        *(finding for rule in RULES for finding in rule(inventory, verdict)),
    ]
    findings.sort(key=lambda finding: _ORDER[finding.severity])
    return Report(
        path=inventory.path,
        name=inventory.name,
        kind=inventory.kind.value,
        files=len(inventory.members),
        size=inventory.size,
        natives=tuple(dict.fromkeys(native.path for native in inventory.natives)),
        verdict=verdict,
        findings=tuple(findings),
        needs=needs_of(inventory),
    )


def audit_many(
    paths: Sequence[Path], allowance: Allowance | None = None, *, jobs: int | None = None
) -> tuple[Report, ...]:
    """Reports on all of ``paths``, in their order, made by ``jobs`` processes; shows a bar."""
    workers = min(jobs or cpu_count(), len(paths))
    audit_one = functools.partial(audit, allowance=allowance)
    if workers < 2 or len(paths) < _SERIAL:
        with console.progress("Auditing", sum(map(_weight, paths))) as bar:
            reports = []
            for path in paths:
                reports.append(audit_one(path))
                bar.advance(_weight(path))
            return tuple(reports)
    with ProcessPoolExecutor(workers, _context(), signal.signal, _SIGINT_IGNORED) as pool:
        # The big ones first, so that none is left over at the end.
        order = sorted(range(len(paths)), key=lambda number: -_weight(paths[number]))
        futures = {pool.submit(audit_one, paths[number]): number for number in order}
        try:
            return _gathered(futures, paths)
        except BrokenProcessPool as problem:
            raise SealiftError(
                "cannot audit: a process that did the work was killed",
                hint="there may be too little memory; try --jobs 1",
            ) from problem
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


_SIGINT_IGNORED = (signal.SIGINT, signal.SIG_IGN)  # the process that started them ends them


def _context() -> multiprocessing.context.BaseContext:
    """How processes are started: from a server that has loaded the audit where there is such."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _gathered(futures: dict[Future[Report], int], paths: Sequence[Path]) -> tuple[Report, ...]:
    reports: dict[int, Report] = {}
    with console.progress("Auditing", sum(map(_weight, paths))) as bar:
        for future in as_completed(futures):
            number = futures[future]
            reports[number] = future.result()
            bar.advance(_weight(paths[number]))
    return tuple(reports[number] for number in sorted(reports))


def _weight(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
