"""A report: the verdict and the findings on one subject, and how it is made."""

from dataclasses import dataclass, field
from pathlib import Path

from sealift.audit.allowance import Allowance
from sealift.audit.exclusion import judge_but
from sealift.audit.finding import Finding, Severity
from sealift.audit.inventory import Inventory, take_inventory
from sealift.audit.needs import Needs, needs_of
from sealift.audit.rules import RULES
from sealift.audit.subject import Kind
from sealift.audit.verdict import Verdict
from sealift.errors import SealiftError

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
    """Libraries from outside that nobody is known to bring."""
    outside = (it.library for it in report.verdict.externals if it.is_missing)
    return frozenset(outside) - report.needs.keys()


def audit(path: Path, allowance: Allowance | None = None) -> Report:
    """The report on the file or folder at ``path``.

    Damage to the subject is among the findings.  Raises
    :class:`~sealift.errors.ArchiveError` when there is nothing at ``path``.
    """
    allowance = allowance or Allowance()
    return make_report(take_inventory(path, allowance.scope), allowance)


def audit_one_of_many(path: Path, allowance: Allowance | None = None) -> Report:
    """The report on ``path``, whatever becomes of it: why there is none is its only finding.

    Raises nothing, so that the reports on other subjects are not lost.
    """
    try:
        return audit(path, allowance)
    except SealiftError as problem:
        message = problem.message
    except Exception as problem:  # noqa: BLE001  (a fault of ours, which must not hide the others)
        import traceback

        *_, (frame, line) = traceback.walk_tb(problem.__traceback__)
        place = f"{Path(frame.f_code.co_filename).name}:{line}"
        what = f"{type(problem).__name__}: {problem}".rstrip(": ")
        message = f"a fault of Sealift at {place}: {what}"
    return Report(
        path=path,
        name=path.name or str(path),
        kind=(Kind.FOLDER if path.is_dir() else Kind.FILE).value,
        files=0,
        size=0,
        natives=(),
        verdict=Verdict(best=None),
        findings=(Finding(rule="not-audited", message=message),),
    )


def make_report(inventory: Inventory, allowance: Allowance) -> Report:
    """The report on ``inventory``: what every rule says of it that is not to be passed over."""
    verdict = judge_but(inventory, allowance.exclude)
    excluded = {it.library for it in verdict.externals if it.is_excluded}
    findings = [
        finding
        for finding in (
            *inventory.problems,
            *allowance.findings(verdict),
            *(finding for rule in RULES for finding in rule(inventory, verdict)),
        )
        if finding.rule not in allowance.ignored and finding.details.get("library") not in excluded
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


def weight(path: Path) -> int:
    """The bytes of work that ``path`` is, for a progress bar."""
    return path.stat().st_size if path.is_file() else 0
