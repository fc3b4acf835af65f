"""What installers for Windows have in common: a tree on disk, and where its parts go."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from sealift.application import Document
from sealift.icon import make_ico
from sealift.image import Image
from sealift.launcher.product import CompressedOptions
from sealift.launcher.tree import TreeFile
from sealift.options import option
from sealift.windows import names
from sealift.windows.resources import icon_index
from sealift.windows.version import four_numbers

# The longest that users' names and folders come to where nobody chose another place.
_PER_USER = "C:\\Users\\" + "u" * 20 + "\\AppData\\Local\\Programs"
_PER_MACHINE = "C:\\Program Files"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallerOptions(CompressedOptions):
    """What installers leave to choose."""

    scope: str = option(
        "user",
        "who it is for: the user who installs it, without more rights, or the whole machine",
        choices=("user", "machine"),
    )
    start_menu: bool | None = option(
        None, "an entry in the start menu; by default for programs with windows"
    )
    path: bool | None = option(None, "its folder on PATH; by default for programs in consoles")


@dataclass(frozen=True, kw_only=True)
class Installer:
    """A product whose ``files``, sorted paths with slashes, lie below ``root``.

    ``icon`` is an ICO file.
    """

    image: Image
    options: InstallerOptions
    root: Path
    files: tuple[str, ...]
    icon: Path | None

    @property
    def program(self) -> str:
        """The file that starts the product."""
        return f"{self.image.name}.exe"

    @property
    def folder(self) -> str:
        """The folder it is installed to, and its name in the start menu.

        That is its title where Windows can call a folder so, and name it among others on PATH.
        """
        title = self.image.application.title
        return self.image.name if names.why_not(title) or ";" in title else title

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """Folders of the tree, those above first; without the outermost."""
        above = {str(p) for file in self.files for p in PurePosixPath(file).parents}
        return tuple(sorted(above - {"."}))

    @property
    def numbers(self) -> tuple[int, int, int, int]:
        """The version as Windows counts."""
        return four_numbers(self.image.version)

    @cached_property
    def size(self) -> int:
        """Bytes of all files."""
        return sum((self.root / file).stat().st_size for file in self.files)

    @property
    def has_menu_entry(self) -> bool:
        """Whether it is in the start menu."""
        wanted = self.options.start_menu
        return self.image.entry.gui if wanted is None else wanted

    @property
    def is_on_path(self) -> bool:
        """Whether consoles find the program."""
        wanted = self.options.path
        return not self.image.entry.gui if wanted is None else wanted

    def kind_of(self, document: Document) -> str:
        """What the registry calls a kind of documents (its ProgID)."""
        return f"{self.image.application.identifier}.{document.name}"

    def icon_index(self, document: Document) -> int:
        """Which icon of the program is that of ``document``."""
        return icon_index(self.image, document.icon)


def lay_out(
    image: Image, options: InstallerOptions, files: Iterable[TreeFile], folder: Path
) -> Installer:
    """Write ``files`` of ``image`` to ``tree`` in ``folder``, and its icon beside it.

    Raises :class:`~sealift.errors.OutputError` where Windows or an installer cannot have them.
    """
    names.check_name(image.name)
    files = sorted(files, key=lambda file: file.path)
    paths = tuple(file.path for file in files)
    names.check_paths(paths, image.name)
    installer = Installer(
        image=image,
        options=options,
        root=folder / "tree",
        files=paths,
        icon=_icon(image, folder),
    )
    base = _PER_USER if options.scope == "user" else _PER_MACHINE
    names.check_lengths(paths, f"{base}\\{installer.folder}", image.name)
    for file in files:
        path = installer.root / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        file.write(path)
    return installer


def _icon(image: Image, folder: Path) -> Path | None:
    if image.application.icon is None:
        return None
    path = folder / "icon.ico"
    path.write_bytes(make_ico(image.application.icon))
    return path
