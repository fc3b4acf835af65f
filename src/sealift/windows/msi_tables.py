"""The tables of a Windows Installer database for one product.

Format: the documentation of Windows Installer; ``data/msi.toml`` has what is the same for all.
"""

import functools
import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, TypeAlias

from sealift.errors import OutputError
from sealift.tables import load_table
from sealift.windows.installer import Installer

Cell: TypeAlias = str | int | None
Row: TypeAlias = tuple[Cell, ...]

_SPACE = uuid.UUID("9a0f7a1c-5a53-5f0e-9f3d-2f1f6f0f8d3b")  # of all that is named here
_MAIN, _FEATURE, _ICON = "INSTALLDIR", "Main", "app.ico"
_64_BIT, _VITAL = 256, 512
_ENGLISH = 1033
_CLASSES = "Software\\Classes"
_USER_OR_MACHINE = -1
_MIGRATE, _DETECT, _INCLUSIVE = 1, 2, 512
# Full control for the system and administrators, reading and running for users, all inherited.
_LOCKED = "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)"
_WRITTEN = "1980/01/01 00:00:00"
_PLATFORMS = {"x86_64": "x64", "aarch64": "Arm64", "i686": "Intel"}
_SCHEMAS = {"x86_64": 200, "aarch64": 500, "i686": 200}


@dataclass(frozen=True, slots=True)
class MsiProduct:
    """What is installed; ``version`` has three numbers that installers compare."""

    installer: Installer
    version: tuple[int, int, int]

    @property
    def is_per_machine(self) -> bool:
        return self.installer.options.scope == "machine"

    @property
    def upgrade_code(self) -> str:
        """The same for all versions, by the application's identifier."""
        return self._code("upgrade", self.installer.options.scope)

    @property
    def product_code(self) -> str:
        """Another for each version and each content."""
        return self._code("product", self.installer.options.scope, self.content)

    @property
    def content(self) -> str:
        """A digest of all files with their names, and of the version."""
        total = hashlib.sha256(repr((self.version, self.installer.image.version)).encode())
        for file in self.installer.files:
            total.update(file.encode() + b"\0")
            total.update(hashlib.sha256((self.installer.root / file).read_bytes()).digest())
        return total.hexdigest()

    def component_code(self, folder: str) -> str:
        """Of the files in ``folder``, of this version only: Windows Installer counts by it."""
        return self._code("component", self.installer.options.scope, self.content, folder)

    def _code(self, *parts: str) -> str:
        name = "\n".join((self.installer.image.application.identifier, *parts))
        return f"{{{uuid.uuid5(_SPACE, name)}}}".upper()


def msi_version(version: str, numbers: tuple[int, int, int, int]) -> tuple[int, int, int]:
    """The three numbers of a version that Windows Installer compares.

    Raises :class:`OutputError` where they are too large for it.
    """
    major, minor, build, _ = numbers
    if major > 255 or minor > 255:
        raise OutputError(
            f"cannot write an MSI of version {version}: Windows Installer counts to 255.255.65535",
            hint='set `version` in [tool.sealift.msi], such as "26.11.29" for 2026.11.29',
        )
    return major, minor, build


@functools.cache
def _data() -> Mapping[str, Any]:
    return load_table("msi")


def columns(table: str) -> tuple[tuple[str, ...], tuple[str, ...], int]:
    """Names and types of the columns of ``table``, and how many are its key."""
    told = _data()["tables"][table]
    pairs = [column.split() for column in told["columns"]]
    return tuple(name for name, _ in pairs), tuple(kind for _, kind in pairs), told["keys"]


def table_names() -> tuple[str, ...]:
    """All tables, in the order in which they are written."""
    return tuple(name for name in _data()["tables"] if not name.startswith("_"))


def summary(product: MsiProduct, package_code: str, codepage: int) -> list[Row]:
    """The summary information, by numbers: how to read the package, and who it is for."""
    image = product.installer.image
    no_elevation = 0 if product.is_per_machine else 8
    return [
        (1, codepage),
        (2, "Installation Database"),
        (3, image.application.title),
        (4, _publisher(product)),
        (5, "Installer"),
        (7, f"{_PLATFORMS[image.target.arch]};{_ENGLISH}"),
        (9, package_code),
        (12, _WRITTEN),
        (13, _WRITTEN),
        (14, _SCHEMAS[image.target.arch]),
        (15, 2 | no_elevation),  # compressed, long names
        (18, "Sealift"),
        (19, 2),  # may be opened to be read only
    ]


def tables(product: MsiProduct) -> Mapping[str, list[Row]]:
    """The rows of all tables, the same for the same product."""
    rows: dict[str, list[Row]] = {name: [] for name in table_names()}
    rows["Property"] = list(_properties(product))
    rows["Directory"] = list(_directories(product))
    _add_files(product, rows)
    rows["Feature"] = [(_FEATURE, None, "All", None, 1, 1, _MAIN, 0)]
    rows["Upgrade"] = list(_upgrades(product))
    rows["LaunchCondition"] = [
        ("NOT NEWER_FOUND OR Installed", "A newer version of [ProductName] is already installed.")
    ]
    if product.installer.icon:
        rows["Icon"] = [(_ICON, _ICON)]
    _add_integration(product, rows)
    for name, actions in _data()["sequences"].items():
        rows[name] = [(action, None, number) for action, number in actions.items()]
    return rows


def _publisher(product: MsiProduct) -> str:
    app = product.installer.image.application
    return app.publisher or app.title  # it must not be empty


def _properties(product: MsiProduct) -> Iterator[Row]:
    app = product.installer.image.application
    yield from (
        ("ProductName", app.title),
        ("ProductCode", product.product_code),
        ("ProductVersion", ".".join(map(str, product.version))),
        ("ProductLanguage", str(_ENGLISH)),
        ("Manufacturer", _publisher(product)),
        ("UpgradeCode", product.upgrade_code),
        ("SecureCustomProperties", "NEWER_FOUND;OLDER_FOUND"),
        ("ARPNOMODIFY", "1"),
        ("INSTALLLEVEL", "1"),
    )
    if product.is_per_machine:
        yield "ALLUSERS", "1"
    if product.installer.icon:
        yield "ARPPRODUCTICON", _ICON
    if app.homepage:
        yield "ARPURLINFOABOUT", app.homepage
    if app.summary:
        yield "ARPCOMMENTS", app.summary


def _upgrades(product: MsiProduct) -> Iterator[Row]:
    """Older versions, and others of the same numbers, go; a newer one stays."""
    version = ".".join(map(str, product.version))
    code = product.upgrade_code
    yield code, None, version, None, _MIGRATE | _INCLUSIVE, None, "OLDER_FOUND"
    yield code, version, None, None, _DETECT, None, "NEWER_FOUND"


def _directories(product: MsiProduct) -> Iterator[Row]:
    installer = product.installer
    yield "TARGETDIR", None, "SourceDir"
    yield "ProgramMenuFolder", "TARGETDIR", "."
    if product.is_per_machine:
        parent = "ProgramFiles64Folder"
        yield parent, "TARGETDIR", "."
    else:
        parent = "UserPrograms"
        yield "LocalAppDataFolder", "TARGETDIR", "."
        yield parent, "LocalAppDataFolder", "Programs"
    yield _MAIN, parent, _name(installer.folder, "app")
    for folder in installer.folders:
        path = PurePosixPath(folder)
        yield (
            _folder_key(installer, folder),
            _folder_key(installer, str(path.parent)),
            _name(path.name, f"d{installer.folders.index(folder)}"),
        )


def _folder_key(installer: Installer, folder: str) -> str:
    return _MAIN if folder == "." else f"d{installer.folders.index(folder)}"


def _name(name: str, short: str) -> str:
    """A name and a short one for systems that have only these, which none of ours are."""
    return f"{short}|{name}"


def _add_files(product: MsiProduct, rows: dict[str, list[Row]]) -> None:
    """A component for each folder with files, which is what is counted and taken away."""
    installer = product.installer
    keys: dict[str, str] = {}
    for number, path in enumerate(installer.files):
        folder = str(PurePosixPath(path).parent)
        key, owner = file_key(number), f"c{_folder_key(installer, folder)}"
        keys.setdefault(folder, key)
        size = (installer.root / path).stat().st_size
        name = _name(PurePosixPath(path).name, f"{key}.x")
        rows["File"].append((key, owner, name, size, None, None, _VITAL, number + 1))
    for folder, key in keys.items():
        owner = f"c{_folder_key(installer, folder)}"
        place = _folder_key(installer, folder)
        bits = 0 if installer.image.target.arch == "i686" else _64_BIT
        code = product.component_code(folder)
        rows["Component"].append((owner, code, place, bits, None, key))
        rows["FeatureComponents"].append((_FEATURE, owner))
    rows["Media"] = [(1, len(installer.files), None, "#product.cab", None, None)]


def file_key(number: int) -> str:
    """What the file of that ``number`` is called in tables and in the cabinet."""
    return f"f{number}"


def _add_integration(product: MsiProduct, rows: dict[str, list[Row]]) -> None:
    """Start menu, PATH, documents, rights."""
    installer = product.installer
    owner = f"c{_MAIN}"
    program = f"[{_MAIN}]{formatted(installer.program)}"
    if installer.has_menu_entry:
        rows["Shortcut"].append((
            "menu", "ProgramMenuFolder", _name(installer.folder, "app"), owner, program, None,
            None, None, _ICON if installer.icon else None, 0 if installer.icon else None, None,
            _MAIN,
        ))  # fmt: skip
    if installer.is_on_path:
        name = "=-*PATH" if product.is_per_machine else "=-PATH"
        rows["Environment"].append(("path", name, f"[~];[{_MAIN}]", owner))
    for number, (key, entry, value) in enumerate(_classes(installer, program)):
        rows["Registry"].append((
            f"r{number}", _USER_OR_MACHINE, f"{_CLASSES}\\{key}", entry, value, owner
        ))  # fmt: skip
    if product.is_per_machine:
        # Folders may inherit rights to write: those of a drive's root do.
        rows["CreateFolder"].append((_MAIN, owner))
        rows["MsiLockPermissionsEx"].append(("lock", _MAIN, "CreateFolder", _LOCKED, None))


def _classes(installer: Installer, program: str) -> Iterator[tuple[str, str | None, str | None]]:
    """Key, name and value of what offers the program for documents."""
    for document in installer.image.application.documents:
        kind = installer.kind_of(document)
        title = formatted(document.title)
        yield kind, None, f"#{title}" if title.startswith("#") else title  # one is for numbers
        yield f"{kind}\\DefaultIcon", None, f"{program},{installer.icon_index(document)}"
        yield f"{kind}\\shell\\open\\command", None, f'"{program}" "%1"'
        for extension in document.extensions:
            yield f".{extension}\\OpenWithProgids", kind, ""


def formatted(text: str) -> str:
    r"""``text`` where Windows Installer puts in properties for names in brackets.

    >>> formatted("Draft [a] {b}")
    'Draft [\\[]a[\\]] [\\{]b[\\}]'
    """
    return re.sub(r"[][{}]", lambda found: f"[\\{found[0]}]", text)
