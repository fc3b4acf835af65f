"""Resources inside a product; runs as ``_sealift_paths`` when somebody asks for resources.

Data are real files, and sources that are only in the image look like files here too.
"""

import fnmatch
import io
import os
import pathlib
import re
import sys
from contextlib import contextmanager
from importlib import resources
from importlib.resources.readers import FileReader

import _sealift  # type: ignore[import-not-found]
from _sealift_importer import DIRECTORY, PACKAGE, SOURCE, find, key_of, source_at  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any


class ImagePath(type(pathlib.Path())):  # type: ignore[misc]
    """A path whose ``.py`` files may be in the image only: they exist, open and list as usual."""

    def _source(self) -> "bytes | None":
        """The content, where the file is not on disk and the image has it."""
        path = str(self)
        return None if os.path.lexists(path) else source_at(os.path.normpath(path))

    def stat(self, *, follow_symlinks: "bool" = True) -> "os.stat_result":
        source = self._source()
        if source is None:
            return super().stat(follow_symlinks=follow_symlinks)  # type: ignore[no-any-return]
        owner = (os.getuid(), os.getgid()) if hasattr(os, "getuid") else (0, 0)
        return os.stat_result((0o100444, 0, 0, 1, *owner, len(source), 0, 0, 0))

    def exists(self, **options: "Any") -> "bool":
        return super().exists(**options) or self._source() is not None

    def is_file(self, **options: "Any") -> "bool":
        return super().is_file(**options) or self._source() is not None

    def open(  # noqa: PLR0917  (the signature of Path.open)
        self,
        mode: "str" = "r",
        buffering: "int" = -1,
        encoding: "str | None" = None,
        errors: "str | None" = None,
        newline: "str | None" = None,
    ) -> "Any":
        source = None if set(mode) & set("wax+") else self._source()
        if source is None:
            return super().open(mode, buffering, encoding, errors, newline)
        raw = io.BytesIO(source)
        if "b" in mode:
            return raw
        return io.TextIOWrapper(raw, io.text_encoding(encoding), errors, newline)

    def read_bytes(self) -> "bytes":
        with self.open("rb") as file:
            return file.read()  # type: ignore[no-any-return]

    def read_text(
        self,
        encoding: "str | None" = None,
        errors: "str | None" = None,
        newline: "str | None" = None,
    ) -> "str":
        with self.open("r", -1, io.text_encoding(encoding), errors, newline) as file:
            return file.read()  # type: ignore[no-any-return]

    def iterdir(self) -> "Iterator[ImagePath]":
        names = dict.fromkeys(_names_in_image(os.path.normpath(self)))
        try:
            names.update(dict.fromkeys(os.listdir(self)))
        except FileNotFoundError:
            if not names:
                raise
        return (self / name for name in names)

    def glob(
        self,
        pattern: "str | os.PathLike[str]",
        *,
        case_sensitive: "bool | None" = None,
        recurse_symlinks: "bool" = False,
    ) -> "Iterator[ImagePath]":
        text = os.fspath(pattern)
        parts = pathlib.PurePath(text).parts
        if not parts:
            msg = f"Unacceptable pattern: {text!r}"
            raise ValueError(msg)
        if pathlib.PurePath(text).anchor:
            msg = "Non-relative patterns are unsupported"
            raise NotImplementedError(msg)
        # Before Python 3.13 a pattern that ends in ** means folders only.
        folders = text.endswith("/") or (parts[-1] == "**" and sys.version_info < (3, 13))
        is_exact = os.name != "nt" if case_sensitive is None else case_sensitive
        flags = 0 if is_exact else re.IGNORECASE
        found = _select(self, parts, flags, links=recurse_symlinks)
        return (path for path in dict.fromkeys(found) if not folders or path.is_dir())

    def rglob(
        self,
        pattern: "str | os.PathLike[str]",
        *,
        case_sensitive: "bool | None" = None,
        recurse_symlinks: "bool" = False,
    ) -> "Iterator[ImagePath]":
        return self.glob(
            os.path.join("**", pattern),
            case_sensitive=case_sensitive,
            recurse_symlinks=recurse_symlinks,
        )

    def walk(
        self,
        top_down: "bool" = True,  # noqa: FBT001, FBT002  (the signature of Path.walk)
        on_error: "Callable[[OSError], object] | None" = None,
        follow_symlinks: "bool" = False,  # noqa: FBT001, FBT002
    ) -> "Iterator[tuple[ImagePath, list[str], list[str]]]":
        try:
            children = list(self.iterdir())
        except OSError as problem:
            if on_error is not None:
                on_error(problem)
            return
        below = {c.name: c.is_dir() and (follow_symlinks or not c.is_symlink()) for c in children}
        folders = [name for name, is_folder in below.items() if is_folder]
        files = [name for name, is_folder in below.items() if not is_folder]
        if top_down:
            yield self, folders, files
        for name in folders:  # which the caller may have changed
            yield from (self / name).walk(top_down, on_error, follow_symlinks)
        if not top_down:
            yield self, folders, files


def _select(
    folder: "ImagePath", parts: "tuple[str, ...]", flags: "int", *, links: "bool"
) -> "Iterator[ImagePath]":
    """Paths below ``folder`` that match ``parts`` of a pattern; some may come twice."""
    if not parts:
        yield folder
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _select(folder, rest, flags, links=links)
        for child in _children(folder):
            if child.is_dir() and (links or not child.is_symlink()):
                yield from _select(child, parts, flags, links=links)
            elif not rest:
                yield child
    elif part == ".." or not (flags or set(part) & set("*?[")):
        child = folder / part
        if child.exists() or (not rest and child.is_symlink()):
            yield from _select(child, rest, flags, links=links)
    else:
        matches = re.compile(fnmatch.translate(part), flags).match
        for child in _children(folder):
            if matches(child.name) and (not rest or child.is_dir()):
                yield from _select(child, rest, flags, links=links)


def _children(folder: "ImagePath") -> "list[ImagePath]":
    try:
        return list(folder.iterdir())
    except OSError:  # no folder, or none that may be read: nothing matches there
        return []


def _names_in_image(folder: "str") -> "Iterator[str]":
    key = key_of(folder)
    found = None if key is None else find(key)
    if found is None or not found[0] & DIRECTORY:
        return
    if found[0] & PACKAGE and found[0] & SOURCE:
        yield "__init__.py"
    for name in _sealift.children(found[1]):
        flags, _, _ = find(f"{key}/{name}")
        if flags & SOURCE and not flags & PACKAGE:
            yield f"{name}.py"
        if flags & DIRECTORY:
            yield name


class Reader(FileReader):
    """Resources of the package whose ``__init__.py`` is ``path``."""

    def __init__(self, path: "str") -> None:
        self.path = ImagePath(path).parent


@resources.as_file.register(ImagePath)  # type: ignore[attr-defined,untyped-decorator]
@contextmanager
def _as_file(path: ImagePath) -> "Iterator[pathlib.Path]":
    source = path._source()  # noqa: SLF001  (the class's own module)
    if source is None:
        yield pathlib.Path(path)
        return
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, path.name)
        copy.write_bytes(source)
        yield copy
