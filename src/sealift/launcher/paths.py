"""Resources inside a product; runs as ``_sealift_paths`` when somebody asks for resources.

Data are real files, and sources that are only in the image look like files here too.
"""

import io
import os
import pathlib
from contextlib import contextmanager
from importlib import resources
from importlib.resources.readers import FileReader

import _sealift  # type: ignore[import-not-found]
from _sealift_importer import DIRECTORY, PACKAGE, SOURCE, find, prefix, source_at  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class ImagePath(type(pathlib.Path())):  # type: ignore[misc]
    """A path whose ``.py`` files may be in the image only: they exist, open and list as usual."""

    def _source(self) -> "bytes | None":
        """The content, where the file is not on disk and the image has it."""
        path = str(self)
        return None if os.path.lexists(path) else source_at(path)

    def stat(self, *, follow_symlinks: "bool" = True) -> "os.stat_result":
        source = self._source()
        if source is None:
            return super().stat(follow_symlinks=follow_symlinks)  # type: ignore[no-any-return]
        return os.stat_result((0o100444, 0, 0, 1, os.getuid(), os.getgid(), len(source), 0, 0, 0))

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
        names = dict.fromkeys(_names_in_image(str(self)))
        try:
            names.update(dict.fromkeys(os.listdir(self)))
        except FileNotFoundError:
            if not names:
                raise
        return (self / name for name in names)


def _names_in_image(folder: "str") -> "Iterator[str]":
    found = find(folder[len(prefix) :]) if folder.startswith(prefix) else None
    if found is None or not found[0] & DIRECTORY:
        return
    if found[0] & PACKAGE and found[0] & SOURCE:
        yield "__init__.py"
    for name in _sealift.children(found[1]):
        flags, _, _ = find(f"{folder[len(prefix) :]}/{name}")
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
