"""CPython for Windows out of wheels, laid out as python.org's installer does."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sealift.binary.pe import exported, read_pe
from sealift.binary.pe_forwarder import forwarder
from sealift.binary.view import View
from sealift.errors import InterpreterError
from sealift.interpreters import tcl
from sealift.interpreters.carried import Carrier, carried_files
from sealift.interpreters.joining import Joined
from sealift.interpreters.pairing import check_pairing
from sealift.interpreters.relocate import put
from sealift.interpreters.unpacked import load_table
from sealift.sbom import Component
from sealift.stdlib import load_rules
from sealift.target import Target

_STABLE = "python3.dll"
_TCL = "DLLs/tcl86t.dll"
_EXACT = re.compile(rb"^(package require -exact (?:Tcl|Tk)\s+)[\d.]+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class WindowsTree:
    """The tree of ``joined`` for ``target``; ``runtime`` brings the libraries of Visual C++.

    ``scripts`` are the folders of Tcl's and Tk's scripts.
    """

    joined: Joined
    runtime: Carrier
    scripts: tuple[Path, ...]
    target: Target

    @property
    def key(self) -> str:
        return self.joined.key(self.target.name, self.runtime.sha256, *map(str, self.scripts))

    @property
    def stdlib(self) -> str:
        return "Lib"

    @property
    def library(self) -> str:
        return f"python{self._digits}.dll"

    @property
    def ext_suffix(self) -> str:
        return f".cp{self._digits}-{self.target.wheel}.pyd"

    @property
    def _digits(self) -> str:
        return "".join(self.joined.carrier.python.split(".")[:2])

    def make(self, out: Path) -> None:
        """Write the tree; raises :class:`InterpreterError` where the parts do not fit together."""
        files = {**self._top(), **self._modules(), **self._runtime()}
        library = files[self.library]
        self._check(library)
        modules = {path.stem: path for place, path in files.items() if place.endswith(".pyd")}
        check_pairing(
            self.joined.sources, library, modules,
            absent=self._takes()["absent"], program=self.joined.found.program,
            told=self.joined.told,
        )  # fmt: skip
        for place, source in files.items():
            put(out / place, source.read_bytes(), mode=0o755)
        put(out / _STABLE, self._stable(library), mode=0o755)
        self.joined.put_sources(out / self.stdlib)
        for place, data in self._tcl_scripts(files.get(_TCL)):
            put(out / "tcl" / place, data, mode=0o644)

    def components(self) -> Iterator[Component]:
        """The libraries of Visual C++, each on its own, as not all of them are always shipped."""
        for place, path in self._runtime().items():
            yield self.joined.component(self.runtime, {place: path})

    def _takes(self) -> Mapping[str, Any]:
        takes: Mapping[str, Any] = load_table()["wheels"]["takes"]["windows"]
        return takes

    def _top(self) -> dict[str, Path]:
        return self._carried("top", "")

    def _modules(self) -> dict[str, Path]:
        found = self._carried("modules", "DLLs/")
        top = {PurePosixPath(path).name for path in self._top()}
        return {
            place: path
            for place, path in found.items()
            if path.name not in top
            and self.joined.ships(f"lib-dynload/{path.name}")
            and (self.joined.tk or not load_rules().groups["tk"].holds(place))
        }

    def _runtime(self) -> dict[str, Path]:
        files = carried_files(self.runtime, self._takes()["runtime"])
        return {path.name.lower(): path for path in files.values()}

    def _carried(self, takes: str, folder: str) -> dict[str, Path]:
        table = self._takes()
        files = carried_files(self.joined.carrier, table[takes], without=table["except"])
        return {f"{folder}{path.name}": path for path in files.values()}

    def _check(self, library: Path) -> None:
        """The library is what the table says."""
        facts = read_pe(library)
        told = facts.version.texts.get("ProductVersion") if facts and facts.version else None
        wanted = self.joined.carrier.python
        if not facts or told != wanted or not facts.runs_on(self.target.arch):
            raise InterpreterError(
                f"cannot use {library.name} of {self.joined.carrier.file}: it is {told} for "
                f"{facts.machine if facts else 'nothing'}, not {wanted} for {self.target}"
            )

    def _stable(self, library: Path) -> bytes:
        """``python3.dll``, to which modules for the stable ABI are linked."""
        names = exported(View(library.read_bytes(), library.name))
        own = (name for name in names if name.startswith(("Py", "_Py")))
        return forwarder(_STABLE, self.library, own, arch=self.target.arch)

    def _tcl_scripts(self, library: Path | None) -> Iterator[tuple[str, bytes]]:
        """Tcl's and Tk's scripts, for the Tcl that is there.

        A patch level has scripts of its own, and asks for just these; those of another one of 8.6
        do as well, since what scripts may call does not change within.
        """
        facts = read_pe(library) if library else None
        version = facts.version.texts.get("FileVersion", "") if facts and facts.version else ""
        for folder in self.scripts:
            for place, source in tcl.scripts_in(folder):
                data = source.read_bytes()
                if source.name in {"init.tcl", "tk.tcl"}:
                    data = _EXACT.sub(rb"\g<1>" + version.encode(), data)
                yield place, data
