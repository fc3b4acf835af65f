"""An order: which wheel is to be made of which sources, and what all ways to make it share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from sealift import console, jsonform, store
from sealift.backend import BuildPython, source_date
from sealift.config import BuildOptions
from sealift.errors import BuildError
from sealift.patching import apply_patch
from sealift.sources import Sources
from sealift.target import Target

_FORMAT = "5"  # a new number builds anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A wheel to be made of ``sources``, for ``target`` and the feature version of ``python``.

    ``python`` runs the build on this machine.  ``crosses`` asks for what runs on every machine that
    is meant by the target and its floor; otherwise it is built as for this machine alone.
    ``free_threaded`` asks for one for CPython without a global lock (PEP 703), whatever ``python``
    is.  ``is_native`` is for packages that are known to have native code, ``siblings`` are wheels
    of the same version that have the modules that this one has to have, as far as all of them have
    those.  ``reason`` says why it is built.
    """

    name: str
    version: str | None
    sources: Sources
    target: Target
    python: BuildPython
    options: BuildOptions = field(default_factory=BuildOptions)
    toolchain: str = "zig"
    reason: str = ""
    crosses: bool = True
    free_threaded: bool = False
    is_native: bool = False
    siblings: tuple[Path, ...] = ()

    @property
    def label(self) -> str:
        """Name and version, as files are named."""
        return f"{self.name}-{self.version}" if self.version else self.name

    @property
    def log(self) -> Path:
        """Where what its backend says is kept: apart for folders of the same name and version."""
        folder = self.sources.folder
        which = f"-{store.digest_of(str(folder))[:8]}" if folder else ""
        return store.store_root() / "logs" / f"{self.label}{which}-{self.target}.log"


def made_once(order: Order, parts: Sequence[str], make: Callable[[Path, str], object]) -> Path:
    """The one wheel in the entry that ``make`` fills.

    It is given the folder to make and its key, which tells ``parts``, sources and options.  Raises
    :class:`BuildError` where what was made of an sdist is another release.
    """
    digest = order.sources.digest()
    # Sources whose changes cannot be told are at least told from others.
    sources = digest or str(order.sources.folder)
    options = repr(jsonform.dump(order.options))
    patches = [Path(path).read_bytes() for path in order.options.patches if Path(path).is_file()]
    key = store.digest_of(_FORMAT, sources, order.label, source_date(), options, *patches, *parts)
    if digest is None:
        store.forget("built", key)

    def filled(out: Path) -> None:
        make(out, key)
        if order.sources.archive:
            _check_release(order, next(out.glob("*.whl")).name)

    (path,) = store.make_entry("built", key, filled).glob("*.whl")
    return path


def _check_release(order: Order, wheel: str) -> None:
    try:
        name, version, _, _ = parse_wheel_filename(wheel)
        wanted = Version(order.version) if order.version else version
    except (InvalidWheelFilename, InvalidVersion) as problem:
        raise BuildError(f"cannot use what was built of {order.label}: {problem}") from problem
    if (name, version) != (canonicalize_name(order.name), wanted):
        raise BuildError(
            f"cannot use what was built of {order.label}: it is {wheel}",
            hint="does its build read name and version from where they are not in the sdist, such "
            "as git, or need a newer setuptools? environment and requires of "
            f"[tool.sealift.build.{order.name}] can help",
            log=order.log,
        )


def announce(order: Order) -> None:
    """Say what is built and why."""
    why = f": {order.reason}" if order.reason else ""
    console.note(f"building {order.name} {order.version or ''}".rstrip() + why)


def apply_patches(order: Order, folder: Path) -> None:
    """Apply the patches of the order's options to the sources in ``folder``.

    They are unified diffs as ``git diff`` and ``diff -u`` write them, the first part of their paths
    left out.  Raises :class:`BuildError` where one does not apply.
    """
    if order.options.patches and folder == order.sources.folder:
        raise BuildError(
            f"cannot patch {order.label}: its build reaches outside of {folder}, so that it cannot "
            "be built in a copy",
            hint="change the sources themselves",
        )
    for name in order.options.patches:
        if not Path(name).is_file():
            raise BuildError(f"cannot patch {order.label}: there is no {name}")
        apply_patch(
            Path(name),
            folder,
            error=BuildError,
            action=f"patch {order.label} with {name}",
            hint="`diff -u` or `git diff` make one; its paths begin with a/ and b/, and the folder "
            "above pyproject.toml or setup.py",
        )
