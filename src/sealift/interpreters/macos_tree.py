"""CPython for macOS out of wheels, laid out as an installation that is no framework."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sealift.binary.macho import facts_of
from sealift.binary.macho_edit import MachoEdit, edited
from sealift.binary.macho_fat import thinned
from sealift.binary.macho_sign import signed
from sealift.binary.view import View
from sealift.errors import InterpreterError
from sealift.interpreters.carried import carried_files
from sealift.interpreters.joining import Joined
from sealift.interpreters.pairing import check_pairing
from sealift.interpreters.relocate import put
from sealift.interpreters.sysconfigdata import relative_sysconfig
from sealift.interpreters.unpacked import load_table
from sealift.sbom import Component
from sealift.target import Target

_FRAMEWORK = "/Library/Frameworks/Python.framework/Versions/{feature}"  # where python.org installs


@dataclass(frozen=True, slots=True)
class MacosTree:
    """The tree of ``joined`` for ``target``: one kind of Mac, or both in fat files."""

    joined: Joined
    target: Target

    @property
    def key(self) -> str:
        return self.joined.key(self.target.name)

    @property
    def stdlib(self) -> str:
        return f"lib/python{self._feature}"

    @property
    def library(self) -> str:
        return f"lib/libpython{self._feature}.dylib"

    @property
    def ext_suffix(self) -> str:
        return f".cpython-{self._feature.replace('.', '')}-darwin.so"

    @property
    def _feature(self) -> str:
        return ".".join(self.joined.carrier.python.split(".")[:2])

    def make(self, out: Path) -> None:
        """Write the tree; raises :class:`InterpreterError` where the parts do not fit together."""
        (library,) = self._carried("top").values()
        modules = self._modules()
        self._check(library)
        check_pairing(
            self.joined.sources, library,
            {name.partition(".")[0]: path for name, path in modules.items()},
            absent=self._takes()["absent"], program=self.joined.found.program,
            told=self.joined.told,
        )  # fmt: skip
        put(out / self.library, self._library(library), mode=0o755)
        for name, path in modules.items():
            data = self._signed(self._sliced(path.read_bytes(), name), name)
            put(out / self.stdlib / "lib-dynload" / name, data, mode=0o755)
        self.joined.put_sources(out / self.stdlib)
        prefix = _FRAMEWORK.format(feature=self._feature)
        for name, path in self._carried("sysconfig").items():
            text = relative_sysconfig(path.read_text("utf-8"), {prefix: "sys.prefix"}, (prefix,))
            put(out / self.stdlib / name, text.encode(), mode=0o644)

    def components(self) -> Iterator[Component]:
        """Nothing: all is part of CPython as its makers release it for macOS."""
        return iter(())

    def _takes(self) -> Mapping[str, Any]:
        takes: Mapping[str, Any] = load_table()["wheels"]["takes"]["macos"]
        return takes

    def _carried(self, takes: str) -> dict[str, Path]:
        table = self._takes()
        files = carried_files(self.joined.carrier, table[takes], without=table["except"])
        return {path.name: path for path in files.values()}

    def _modules(self) -> dict[str, Path]:
        """Modules in C and the libraries that they ask for beside themselves, by name."""
        top = self._carried("top")
        return {
            name: path
            for name, path in self._carried("modules").items()
            if name not in top and self.joined.ships(f"lib-dynload/{name}")
        }

    def _check(self, library: Path) -> None:
        """The library is of the version that the table says."""
        version = self.joined.carrier.python
        if b"\0%b\0" % version.encode() not in library.read_bytes():
            raise InterpreterError(
                f"cannot use {library.name} of {self.joined.carrier.file}: it is not {version}"
            )

    def _library(self, path: Path) -> bytes:
        """CPython's library under a name by which what is linked to it finds it in the tree."""
        change = MachoEdit(install_name=f"@rpath/{path.name}")
        return signed(edited(self._sliced(path.read_bytes(), path.name), change), path.name)

    def _sliced(self, data: bytes, name: str) -> bytes:
        """``data`` as it is for both kinds of Mac, or the part for one."""
        if self.target.arch == "universal2":
            return data
        return thinned(data, self.target.wheel, name)

    def _signed(self, data: bytes, name: str) -> bytes:
        """``data`` as its makers signed it, or signed ad hoc where a part has no signature."""
        if all(facts.is_signed for facts in facts_of(View(data, name))):
            return data
        return signed(data, name)
