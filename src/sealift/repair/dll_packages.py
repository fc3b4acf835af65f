"""Which package of a wheel tells Windows of DLLs for which file: the first that Python runs."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from sealift.repair.dll_folders import Told, relative_to, tell
from sealift.repair.names import installed, is_elsewhere
from sealift.repair.plan import Tree

_COMPILED = re.compile(r"__init__\.(?:[^/]*\.)?pyd", re.IGNORECASE)
# What sources call that see to their DLLs themselves.
_OWN_WAYS = re.compile(rb"add_dll_directory|LoadLibrary|WinDLL|CDLL|windll|SetDllDirectory")


class Packages:
    """The packages of a wheel by their folders below site-packages, and what they are to tell."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._inits: dict[str, str] = {}
        self._told: dict[str, Told] = {}
        self._can_tell: dict[str, bool] = {}
        members = [path for path in tree.inventory.members if not is_elsewhere(path)]
        folders = {posixpath.split(installed(path)) for path in members}
        compiled = {folder for folder, name in folders if _COMPILED.fullmatch(name)}
        for path in members:
            folder, name = posixpath.split(installed(path))
            # Of a compiled one Python runs that, whatever lies beside it.
            if folder and name == "__init__.py" and folder not in compiled:
                self._inits[folder] = path

    def telling(self, path: str) -> str | None:
        """The package that can tell Windows of folders before the file at ``path`` is loaded."""
        parts = posixpath.dirname(installed(path)).split("/")
        folders = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
        return next((folder for folder in folders if self._tells(folder)), None)

    def _tells(self, folder: str) -> bool:
        if folder not in self._inits:
            return False
        if folder not in self._can_tell:
            self._can_tell[folder] = tell(self._source(folder), Told()) is not None
        return self._can_tell[folder]

    def _source(self, folder: str) -> bytes:
        return self._tree.file(self._inits[folder]).read_bytes()

    def add(self, package: str, *, folder: str | None = None, late: str | None = None) -> None:
        """Let ``package`` tell of ``folder``, and load the DLL at ``late``, below site-packages."""
        folders = () if folder is None else (relative_to(package, folder),)
        lates = () if late is None else (relative_to(package, late),)
        told = Told(folders=folders, late=lates)
        self._told[package] = self._told.get(package, Told()) | told

    def texts(self) -> Mapping[str, bytes]:
        """The sources that change, by their paths in the wheel."""
        texts = {}
        for package, told in self._told.items():
            before = self._source(package)
            after = tell(before, told)
            if after is not None and after != before:
                texts[self._inits[package]] = after
        return texts

    @cached_property
    def see_to_it_themselves(self) -> bool:
        """Whether any source of the wheel loads DLLs, or tells Windows of folders, on its own."""
        return any(_OWN_WAYS.search(source) for source in self._sources())

    def _sources(self) -> Iterator[bytes]:
        for path in self._tree.inventory.members:
            if path.endswith((".py", ".pyw", ".pth")):
                yield self._tree.file(path).read_bytes()
