"""An application for macOS as a folder, which is what disk images and packages have in them, too.

::

    Title.app/Contents/Info.plist
                      /PkgInfo
                      /MacOS/name            the launcher
                      /Resources/…           the tree: image.sealift, bin, lib, icons
                      /_CodeSignature/CodeResources
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sealift.apple.bundle import sign_bundle
from sealift.apple.hfsplus import decomposed
from sealift.apple.information import ICON, Information, icon_name
from sealift.apple.signer import signer_of
from sealift.binary.writing import write_whole
from sealift.errors import ConfigError
from sealift.icon import make_icns
from sealift.image import Image
from sealift.interpreter import Interpreter
from sealift.launcher.product import (
    LauncherFormat,
    Product,
    RuntimeOptions,
    check_icons,
    make_product,
)
from sealift.launcher.tree import Piece, TreeFile
from sealift.options import option, read_options
from sealift.project import Project
from sealift.store import file_sha256
from sealift.target import Target

BUNDLE = "bundle"
_RESOURCES = "Resources/"
_FORBIDDEN = "/:\0"
_LONGEST = 255 - len(".app")  # of a name on HFS+, in UTF-16 units


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleOptions(RuntimeOptions):
    """``[tool.sealift.bundle]``; for the application in disk images and packages as well."""

    category: str | None = option(
        None, 'kind of application in Apple\'s words: "public.app-category.developer-tools"'
    )
    dock: bool | None = option(
        None, "whether it is shown in the Dock; GUI scripts are by default, others are not"
    )
    entitlements: tuple[str, ...] = option(
        (), "entitlements to ask for besides those that its code needs; only with a certificate"
    )


class MacFormat(LauncherFormat):
    """What formats for macOS have in common; ``suffix`` ends the name of a file."""

    suffix: ClassVar[str]

    def refuses(self, target: Target) -> str | None:
        """Why nothing of this can be made for ``target``, or ``None``."""
        if target.os != "macos":
            return "it is for macOS alone"
        return super().refuses(target)

    def check(self, project: Project, options: Any, target: Target) -> None:
        """What a Mac asks of names, pictures and who signs."""
        super().check(project, options, target)
        settings = project.settings
        check_title(settings.app.title or project.product, project.product)
        if self.draws_icon(options):
            check_icons(settings)
        settings.format(BUNDLE, BundleOptions)

    def draws_icon(self, options: Any) -> bool:  # noqa: ARG002  (for others)
        """Whether what ``options`` ask for has an icon."""
        return True

    def filename(self, image: Image) -> str:
        """The application's title and version."""
        return f"{bundle_name(image).removesuffix('.app')}-{image.version}{self.suffix}"

    def prepare(self, interpreter: Interpreter) -> None:
        """Compile the launcher, where there is one."""
        if self.refuses(interpreter.target) is None:
            super().prepare(interpreter)


def bundle_options(image: Image) -> BundleOptions:
    """How the application in other formats is made, as the project's settings say."""
    told = image.options.get(BUNDLE, {})
    return read_options(BundleOptions, told, where=f"tool.sealift.{BUNDLE}", source="the project")


def bundle_name(image: Image) -> str:
    """The folder's name; raises as :func:`check_title` does."""
    title = image.application.title
    check_title(title, image.name)
    return f"{title}.app"


def check_title(title: str, product: str) -> None:
    """Raise :class:`ConfigError` for what cannot be the name of a file on a Mac."""
    for name, key in ((title, "title"), (product, "name")):
        problem = _name_problem(name)
        if problem:
            raise ConfigError(
                f"cannot call an application for macOS {name!r}: {problem}",
                hint="set `title` in [tool.sealift.app]" if key == "title" else "set --name",
            )


def _name_problem(name: str) -> str | None:
    """Why ``name`` cannot be a file's name on a Mac.

    >>> _name_problem("Tea/Time"), _name_problem("Tea: Time"), _name_problem("Tea Time")
    ("it has '/' in it", "it has ':' in it", None)
    """
    if not name.strip() or name.startswith("."):
        return "such files are hidden"
    for char in name:
        if char in _FORBIDDEN or not char.isprintable():
            return f"it has {char!r} in it"
    if len(unicodedata.normalize("NFD", name).encode("utf-16-le")) > 2 * _LONGEST:
        return f"it is longer than {_LONGEST} characters"
    return None


def write_application(image: Image, options: BundleOptions, out: Path) -> None:
    """Write the application of ``image`` as the folder ``out``, and sign it.

    Raises what :func:`~sealift.launcher.product.make_product` and
    :func:`~sealift.apple.bundle.sign_bundle` do.
    """
    signer = signer_of(image)
    is_certified = signer.certificate is not None
    product = make_product(image, options, signs=is_certified)
    contents = out / "Contents"
    program = f"MacOS/{image.name}"
    files = [*_tree(product), _launcher(product, program)]
    for file in files:
        path = contents / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        file.write(path)
    for name, content in _descriptions(image, options).items():
        write_whole(contents / name, content, 0o644)
    for folder in (out, *(path for path in out.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    sign_bundle(out, signer, signed=_RESOURCES if is_certified else None)


def _tree(product: Product) -> Iterator[TreeFile]:
    """The tree, its names as volumes of macOS keep them: the seal names files by their bytes."""
    python = f"bin/python{product.image.feature}"
    for file in (*product.files, _launcher(product, python)):
        path = "/".join(map(decomposed, file.path.split("/")))
        yield TreeFile(
            path=f"{_RESOURCES}{path}", mode=file.mode, origin=file.origin, pieces=file.pieces
        )


def _launcher(product: Product, path: str) -> TreeFile:
    launcher = product.launcher
    piece = Piece(launcher, 0, launcher.stat().st_size, file_sha256(launcher))
    return TreeFile(path=path, mode=0o755, origin="", pieces=(piece,))


def _descriptions(image: Image, options: BundleOptions) -> Mapping[str, bytes]:
    """Files that tell of the application, by their paths."""
    told = image.application
    information = Information(
        application=told,
        program=image.name,
        version=image.version,
        minimum=image.floor,
        is_windowless=not (image.entry.gui if options.dock is None else options.dock),
        category=options.category,
    )
    files = {"Info.plist": information.plist(), "PkgInfo": b"APPL????"}
    if told.icon:
        files[f"Resources/{ICON}"] = make_icns(told.icon)
    for document in told.documents:
        if document.icon:
            files[f"Resources/{icon_name(document)}"] = make_icns(document.icon)
    return files
