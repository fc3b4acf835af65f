"""The third noun: one verified wheel for every distribution of a job."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name, parse_wheel_filename

from sealift import building, console, jsonform, store
from sealift.backend import BuildPython
from sealift.config import BuildOptions
from sealift.credentials import Login
from sealift.errors import FetchError, LockError
from sealift.fetch import Remote, fetch
from sealift.indexes import Indexes, read_indexes
from sealift.interpreter import Interpreter
from sealift.merging import merged_wheel
from sealift.order import Order
from sealift.plan import Action, Choice, Job, LockedFile
from sealift.selection import crosses
from sealift.sources import Sources
from sealift.target import Target
from sealift.wheel import unpack_wheel

_PARALLEL = 8  # downloads at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel file on disk whose content is ``sha256``.

    ``built`` is true where it was made on and for this machine: then its native files may ask for
    this machine's libraries, which are grafted.  ``crossed`` is true where it was made for another
    one, with all that it needs.  ``merged`` is true where it was made here of two from an index.
    """

    name: str
    version: str
    path: Path
    sha256: str
    built: bool = False
    crossed: bool = False
    merged: bool = False
    is_project: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheelhouse:
    """The wheels of one target, sorted by name."""

    target: Target
    interpreter: Interpreter
    wheels: tuple[Wheel, ...]

    def to_json(self) -> Any:
        """JSON form; :func:`sealift.jsonform.load` reads it back."""
        return jsonform.dump(self)


def collect(job: Job, indexes: Indexes | None = None) -> Wheelhouse:
    """Download, verify and build what ``job`` chose.

    The credentials are those of ``indexes``, by default of those that are configured for the job.
    Sizes and hashes of downloads hold, every wheel agrees with its RECORD and is unpacked into the
    content store.  Raises :class:`LockError` when something was refused, :class:`FetchError`,
    :class:`~sealift.errors.ArchiveError`, or :class:`BuildError` with the backend's last lines.
    """
    _check_refused(job)
    interpreter = job.require_interpreter()
    logins = (indexes or _indexes(job)).logins
    wanted = (
        file
        for choice in job.choices
        for file in (choice.file, choice.twin, *choice.siblings)
        if file
    )
    files = _download(list(dict.fromkeys(wanted)), logins)
    with ThreadPoolExecutor(_PARALLEL) as pool:
        taken = list(pool.map(lambda choice: _taken(choice, files), _with(job, Action.TAKE)))
        merged = list(pool.map(lambda choice: _merged(choice, files), _with(job, Action.MERGE)))
    built = [_built(choice, job, files) for choice in _with(job, Action.BUILD)]
    wheels = sorted((*taken, *merged, *built), key=lambda wheel: wheel.name)
    return Wheelhouse(target=job.target, interpreter=interpreter, wheels=tuple(wheels))


def _with(job: Job, action: Action) -> list[Choice]:
    return [choice for choice in job.choices if choice.action is action]


def _check_refused(job: Job) -> None:
    refused = _with(job, Action.REFUSE)
    if refused:
        raise LockError(
            f"cannot collect wheels for {job.target}: {len(refused)} of {len(job.choices)} "
            "distributions have none",
            details=[f"{c.name} {c.version or ''}: {c.reason}" for c in refused],
            hint="raise the target's floor, choose another Python, or leave the target out",
        )


def _indexes(job: Job) -> Indexes:
    own = next((choice.folder for choice in job.choices if choice.is_project), None)
    return read_indexes(own or Path.cwd())


def _download(files: Sequence[LockedFile], logins: Mapping[str, Login]) -> dict[str, Path]:
    """Paths of all files by their location, with one bar for them together."""
    there = {file.location: path for file in files if (path := _local(file))}
    remote = [f for f in files if f.location not in there and not f.location.startswith("git+")]
    with console.progress(f"{len(remote)} downloads", 0) as shown:
        bar = _SharedBar(shown)

        def one(file: LockedFile) -> Path:
            wanted = Remote(file.location, file.sha256, file.size)
            return fetch(wanted, logins=logins, bar=bar)

        with ThreadPoolExecutor(_PARALLEL) as pool:
            pending = {pool.submit(one, file): file.location for file in remote}
            try:
                found = {pending[done]: done.result() for done in as_completed(pending)}
            except BaseException:  # an interrupt, too: the others end at their next bytes
                bar.stop()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return {**there, **found}


class _SharedBar:
    """A bar of several downloads, by which they can all be stopped."""

    def __init__(self, bar: console.Bar) -> None:
        self._bar = bar
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    def advance(self, amount: int) -> None:
        if self._stopped:
            raise FetchError("cannot go on downloading: another download failed")
        self._bar.advance(amount)

    def grow(self, amount: int) -> None:
        self._bar.grow(amount)


def _local(file: LockedFile) -> Path | None:
    """A file on this machine, checked; ``None`` where its location is a URL."""
    if "://" in file.location:
        return None
    path = Path(file.location)
    try:
        found = store.file_sha256(path)
    except OSError as problem:
        raise FetchError(f"cannot read {path}: {problem.strerror}") from problem
    if found != file.sha256:
        raise FetchError(
            f"cannot use {path}: its SHA-256 is not the one promised",
            details=[f"promised {file.sha256}", f"found    {found}"],
            hint="the file was changed after it was locked",
        )
    return path


def _taken(choice: Choice, files: Mapping[str, Path]) -> Wheel:
    assert choice.file is not None
    path = files[choice.file.location]
    unpack_wheel(path, choice.file.sha256)
    return _wheel(choice, path, choice.file.sha256)


def _merged(choice: Choice, files: Mapping[str, Path]) -> Wheel:
    """The wheel made of one for each kind of Mac."""
    assert choice.file is not None
    assert choice.twin is not None
    intel, apple = files[choice.file.location], files[choice.twin.location]
    path = merged_wheel(intel, apple, (choice.file.sha256, choice.twin.sha256))
    sha256 = store.file_sha256(path)
    unpack_wheel(path, sha256)
    return replace(_wheel(choice, path, sha256), merged=True)


def _wheel(choice: Choice, path: Path, sha256: str) -> Wheel:
    name, version, _, _ = parse_wheel_filename(path.name)
    if canonicalize_name(choice.name) != name and not choice.is_project:
        raise LockError(f"cannot use {path.name}: the lock has it as {choice.name}")
    return Wheel(
        name=name,
        version=str(version),
        path=path,
        sha256=sha256,
        is_project=choice.is_project,
    )


def _built(choice: Choice, job: Job, files: Mapping[str, Path]) -> Wheel:
    """The wheel built from an sdist, a commit or a folder; found again when nothing changed."""
    interpreter = job.require_interpreter()
    assert interpreter.program
    path = building.make_wheel(
        Order(
            name=choice.name,
            version=choice.version,
            sources=_sources(choice, files),
            target=job.target,
            python=BuildPython(program=interpreter.program, version=interpreter.version),
            options=job.builds.get(choice.name, BuildOptions()),
            toolchain=job.toolchain,
            reason=choice.reason,
            is_native=choice.is_native,
            crosses=crosses(job.target),
            free_threaded=interpreter.free_threaded,
            siblings=tuple(files[file.location] for file in choice.siblings),
        )
    )
    sha256 = store.file_sha256(path)
    unpack_wheel(path, sha256)
    is_crossed = crosses(job.target)
    wheel = _wheel(choice, path, sha256)
    return replace(wheel, built=not is_crossed, crossed=is_crossed)


def _sources(choice: Choice, files: Mapping[str, Path]) -> Sources:
    if choice.folder:
        return Sources(folder=choice.folder)
    assert choice.file is not None
    location = choice.file.location
    if location.startswith("git+"):
        return Sources(commit=location)
    return Sources(archive=files[location], sha256=choice.file.sha256)
