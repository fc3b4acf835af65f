"""Reports on many subjects, made by several processes."""

import functools
import multiprocessing
import signal
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from sealift import console
from sealift.audit.allowance import Allowance
from sealift.audit.content import keep_memory
from sealift.audit.report import Report, audit_one_of_many, weight
from sealift.errors import SealiftError


def audit_many(
    paths: Sequence[Path], allowance: Allowance | None = None, *, jobs: int
) -> tuple[Report, ...]:
    """Reports on all of ``paths``, in their order, made by ``jobs`` processes; shows a bar.

    A subject that cannot be audited has a report that says so.
    """
    audit_one = functools.partial(audit_one_of_many, allowance=allowance)
    context = _context()
    with ProcessPoolExecutor(min(jobs, len(paths)), context, _begin) as pool:
        # The big ones first, so that none is left over at the end.
        order = sorted(range(len(paths)), key=lambda number: -weight(paths[number]))
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


def _begin() -> None:
    # An interrupt reaches all processes: the one that started the others ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_memory()


def _context() -> multiprocessing.context.BaseContext:
    """How processes are started: from a server that has loaded the audit where there is such."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([audit_one_of_many.__module__])
    return context


def _gathered(futures: dict[Future[Report], int], paths: Sequence[Path]) -> tuple[Report, ...]:
    reports: dict[int, Report] = {}
    with console.progress("Auditing", sum(map(weight, paths))) as bar:
        for future in as_completed(futures):
            number = futures[future]
            reports[number] = future.result()
            bar.advance(weight(paths[number]))
    return tuple(reports[number] for number in sorted(reports))
