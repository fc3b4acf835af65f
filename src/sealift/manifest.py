"""What a folder of the content store holds, as entries of an image; read once and remembered."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from sealift import jsonform, store
from sealift.image import Entry, Kind

_FORMAT = "2"  # a new number forgets remembered manifests
_NATIVE_MAGIC = (
    b"\x7fELF",
    b"MZ",
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\xca\xfe\xba\xbf",
)
_LIBRARY = re.compile(r"python3\.\d+t?|site-packages")  # folders that are on the search path
_NATIVE_SUFFIXES = (".so", ".dylib", ".dll", ".pyd", ".exe")


def folder_entries(folder: Path, *, prefix: str, origin: str, key: str) -> tuple[Entry, ...]:
    """Entries of all files below ``folder``, placed under ``prefix`` of the product, sorted.

    ``key`` identifies the folder's content: with the same key the files are not read again.
    """
    data = store.remember(
        "manifests",
        store.digest_of(_FORMAT, str(folder), prefix, origin, key),
        lambda: jsonform.dump(tuple(_read(folder, prefix, origin))),
    )
    return tuple(_entry(item) for item in data)


def file_entry(path: str, file: Path, *, kind: Kind, origin: str) -> Entry:
    """The entry of one ``file``, placed at ``path`` of the product."""
    return Entry(
        path=path,
        kind=kind,
        mode=0o755 if kind is Kind.NATIVE else 0o644,
        size=file.stat().st_size,
        sha256=store.file_sha256(file),
        source=file,
        origin=origin,
    )


def _entry(item: dict[str, object]) -> Entry:
    # jsonform.load checks every field of every file, which costs seconds on large products; this
    # file was written by us in the private store.
    fields = {**item, "kind": Kind(str(item["kind"])), "source": Path(str(item["source"]))}
    return Entry(**fields)  # type: ignore[arg-type]


def _read(folder: Path, prefix: str, origin: str) -> Iterator[Entry]:
    base = PurePosixPath(prefix)
    for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        if not path.is_file():
            continue
        relative = path.relative_to(folder)
        status = path.stat()
        yield Entry(
            path=str(base / relative.as_posix()),
            kind=kind_of(path, relative),
            mode=0o755 if status.st_mode & 0o111 else 0o644,
            size=status.st_size,
            sha256=store.file_sha256(path),
            source=path,
            origin=origin,
        )


def kind_of(path: Path, relative: Path) -> Kind:
    """What the file at ``path``, ``relative`` to a folder of modules, is in an image.

    A ``.py`` file that no import can name (a template in ``my-template/``) is data.
    """
    if path.suffix == ".py":
        folders = (part for part in relative.parts[:-1] if not _LIBRARY.fullmatch(part))
        parts = (*folders, relative.stem)
        return Kind.SOURCE if all(part.isidentifier() for part in parts) else Kind.DATA
    likely = any(suffix in _NATIVE_SUFFIXES for suffix in path.suffixes)
    if likely or path.stat().st_mode & 0o111:
        with path.open("rb") as file:
            if file.read(4).startswith(_NATIVE_MAGIC):
                return Kind.NATIVE
    return Kind.DATA
