"""A product ready to be written: the files of its tree, its launcher, and what both agree on."""

import ast
import hashlib
import marshal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sealift.apple.names import check_names
from sealift.apple.signed_image import signed_image, signed_program
from sealift.apple.signer import application_certificate, signer_of
from sealift.application import pictures_of
from sealift.bytecode import compile_sources
from sealift.compression import option_of_levels
from sealift.config import Settings
from sealift.errors import OutputError
from sealift.icon import check_icon
from sealift.image import CodePack, Image
from sealift.interpreter import Interpreter
from sealift.launcher.blob import IMPORTER, make_blob
from sealift.launcher.compile import launcher_for
from sealift.launcher.linking import likely, settled
from sealift.launcher.tree import Piece, TreeFile, python_program, tree_files
from sealift.options import option
from sealift.project import Project
from sealift.store import digest_of, file_sha256
from sealift.target import Target
from sealift.windows.authenticode import check_signing, opened_signer
from sealift.windows.names import check_name, check_paths
from sealift.windows.resources import resourced_launcher

SYSTEMS = frozenset({"linux", "macos", "windows"})
UNTRIED = frozenset({"windows-x86"})
# Where the bytes in front of a payload are the launcher alone, and so need not be in it as a file.
_LAUNCHER_IN_FRONT = frozenset({"linux"})
_OWN_MODULES = ("importer", "encodings_start", "adapters", "paths", "frozen", "windows")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeOptions:
    """How a product's launcher runs Python; formats with a launcher add their own options."""

    gc: str = option(
        "defer",
        "garbage collection: off until the entry is imported, or as Python does",
        choices=("defer", "normal"),
    )
    fast_exit: bool = option(
        False, "end without tearing Python down; files left open may lose what was not flushed"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressedOptions(RuntimeOptions):
    """The same for formats that are compressed."""

    compression: str = option_of_levels()


def check_icons(settings: Settings) -> None:
    """Raise :class:`~sealift.errors.ConfigError` for a picture that cannot be drawn as an icon."""
    for picture in pictures_of(settings.app, settings.documents.values()):
        check_icon(picture)


class LauncherFormat:
    """What formats with a launcher have in common: one target, and Python in it."""

    several_targets: ClassVar[bool] = False
    ships_interpreter: ClassVar[bool] = True

    def refuses(self, target: Target) -> str | None:
        """Why there is no launcher for ``target``, or ``None``."""
        if target.os not in SYSTEMS:
            return f"the launcher is written for {' and '.join(sorted(SYSTEMS))} so far"
        if target.name in UNTRIED:
            return "no launcher was tried there"
        return None

    def check(self, project: Project, options: Any, target: Target) -> None:  # noqa: ARG002  (for others)
        """What the target's system asks of a name, and of who signs."""
        signing = project.settings.signing.get(target.os)
        if target.is_windows:
            check_name(project.product)
            check_icons(project.settings)
            check_signing(signing)
        elif target.os == "macos":
            application_certificate(signing)

    def prepare(self, interpreter: Interpreter) -> None:
        """Compile the launcher."""
        launcher_for(likely(interpreter))


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """What formats with a launcher write; ``key`` (32 bytes) changes with anything in it.

    ``installed`` is the launcher as it lies in the tree: signed, where ``launcher`` can be signed
    only with what is appended to it.
    """

    image: Image
    key: bytes
    launcher: Path
    installed: Path
    files: tuple[TreeFile, ...]

    @property
    def program(self) -> str:
        """What the program is called that people start."""
        return f"{self.image.name}.exe" if self.image.target.is_windows else self.image.name

    def folder_files(self) -> Iterator[TreeFile]:
        """The tree, and the launcher twice: as the program, and below ``bin`` as Python.

        Raises :class:`OutputError` when the product is called like a part of the tree.
        """
        yield from self.files
        python, program = python_program(self.image.interpreter), self.program
        top = {path.split("/")[0].casefold() for path in (python, *(f.path for f in self.files))}
        if program.casefold() in top:
            raise OutputError(
                f"cannot write the program {program!r}: the folder has {program!r} for itself",
                hint="set `name` in [tool.sealift], or --name",
            )
        yield self._launcher(program)
        yield self._launcher(python)

    def packed_files(self) -> tuple[TreeFile, ...]:
        """What a single file has to have in its payload to make the tree."""
        if self.image.target.os in _LAUNCHER_IN_FRONT:
            return self.files
        return (*self.files, self._launcher(python_program(self.image.interpreter)))

    def _launcher(self, path: str) -> TreeFile:
        size, digest = self.installed.stat().st_size, file_sha256(self.installed)
        pieces = (Piece(self.installed, 0, size, digest),)
        return TreeFile(path=path, mode=0o755, origin="", pieces=pieces)


def make_product(image: Image, options: RuntimeOptions, *, signs: bool = True) -> Product:
    """The tree of ``image`` and the launcher that contains or loads its libpython.

    Native files for macOS are signed by the certificate of its settings, unless ``signs`` leaves
    that to who puts them elsewhere.  Raises what :func:`~sealift.launcher.compile.launcher_for`
    does, and :class:`OutputError` for names that Windows or a Mac does not allow.
    """
    image = settled(image)
    launcher = installed = launcher_for(image.interpreter)
    if image.target.is_windows:
        check_name(image.name)
        launcher = installed = resourced_launcher(launcher, image)
        with opened_signer(image) as signer:
            if signer:
                image = signer.signed_image(image)
                installed = signer.signed_copy(launcher, file_sha256(launcher))
    if signs and image.target.os == "macos":
        own = signer_of(image)
        image = signed_image(image, own)
        launcher = installed = signed_program(launcher, f"python{image.feature}", own)
    importer = _compile_importer(image.interpreter)
    settings = marshal.dumps(launch_settings(image, options), 2)
    parts = (image.key, importer.sha256, file_sha256(installed))
    key = hashlib.sha256("\n".join(parts).encode() + settings).digest()
    blob = make_blob(image, (*image.code, importer), settings, key)
    files = tree_files(image, blob)
    if image.target.is_windows:
        check_paths([file.path for file in files], image.name)
    elif image.target.os == "macos":
        check_names(file.path for file in files)
    return Product(image=image, key=key, launcher=launcher, installed=installed, files=files)


def _compile_importer(interpreter: Interpreter) -> CodePack:
    sources = [
        (f"<frozen _sealift_{name}>", Path(__file__).with_name(f"{name}.py"))
        for name in _OWN_MODULES
    ]
    key = digest_of(*(file_sha256(path) for _, path in sources))
    return compile_sources(interpreter, IMPORTER, sources, key)


def launch_settings(image: Image, options: RuntimeOptions) -> dict[str, Any]:
    """What the importer has to know, as types that ``marshal`` takes."""
    return {
        "name": image.name,
        "version": image.version,
        "entry": (image.entry.module, image.entry.function),
        "preload": list(_preload(image)),
        "stdlib": image.interpreter.stdlib,
        "search_path": list(image.search_path),
        "startup": list(image.startup),
        "certificates": image.certificates,
        "gc": options.gc,
        "fast_exit": options.fast_exit,
    }


def _preload(image: Image) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What a module that is the entry imports before it does anything else, in its order.

    Such a module runs as ``__main__``, so its imports happen while the program runs.  Those that
    stand before all other statements can as well be made a moment earlier, while garbage
    collection waits.  Each is a module and the names taken from it.
    """
    module = image.entry.module
    if image.entry.function is not None:
        return
    stem = module.replace(".", "/")
    wanted = {
        f"{folder}/{stem}{rest}" for folder in image.search_path for rest in ("/__main__.py", ".py")
    }
    found = sorted((e.path, e.source) for e in image.entries if e.path in wanted)
    if not found:
        return
    path, source = found[0]
    package = module if path.endswith("/__main__.py") else module.rpartition(".")[0]
    try:
        body = ast.parse(source.read_bytes()).body
    except (SyntaxError, ValueError):
        return
    yield from _leading_imports(body, package)


def _leading_imports(
    body: Sequence[ast.stmt], package: str
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for statement in body:
        match statement:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Import(names=names):
                yield from ((alias.name, ()) for alias in names)
            case ast.ImportFrom(module=name, names=names, level=level):
                parts = package.split(".")
                above = parts[: len(parts) - level + 1] if level else []
                if (level and not above) or name == "__future__":
                    continue
                full = ".".join((*above, *([name] if name else [])))
                yield full, tuple(alias.name for alias in names if alias.name != "*")
            case _:
                return
