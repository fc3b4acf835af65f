"""Wheels for macOS, before and after a repair: real ones taken apart, results held to the rules."""

import posixpath
import re
import shutil
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from sealift import archive
from sealift.audit.inventory import Inventory, take_inventory
from sealift.binary.macho import MachoFacts, read_macho
from sealift.binary.macho_edit import MachoEdit, edit
from sealift.binary.macho_verify import verify_signature
from sealift.wheel_writer import write_wheel

SYSTEM = ("/usr/lib/", "/System/")


def homebrew_path(name: str) -> str:
    """Where Homebrew might have the library ``name``."""
    keg = re.split(r"[.\d]", name, maxsplit=1)[0]
    return f"/opt/homebrew/opt/{keg}/lib/{name}"


def unrepaired(wheel: Path, out: Path) -> tuple[Path, Path]:
    """``wheel`` as it was before delocate saw it, and the Mac's root where its libraries lie."""
    folder, root = out / "tree", out / "root"
    archive.extract_zip(wheel, folder)
    grafts = {p.name: p for p in folder.rglob("*") if p.parent.name == ".dylibs" and p.is_file()}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        slices = read_macho(path) or ()
        asked = {d.name for facts in slices for d in facts.dependencies if d.name.startswith("@")}
        moved = {name: homebrew_path(posixpath.basename(name)) for name in asked}
        renamed = {old: new for old, new in moved.items() if posixpath.basename(new) in grafts}
        own = homebrew_path(path.name) if path in grafts.values() else None
        if renamed or own:
            edit(path, path, MachoEdit(install_name=own, renamed=renamed))
    for name, path in grafts.items():
        place = root / homebrew_path(name).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, place)
    for empty in {path.parent for path in grafts.values()}:
        empty.rmdir()
    (info,) = folder.glob("*.dist-info")
    (out / "wheels").mkdir()
    write_wheel(out / "wheels" / wheel.name, folder, info.name)
    return out / "wheels" / wheel.name, root


def slices_of(wheel: Path) -> dict[str, tuple[MachoFacts, ...]]:
    """The slices of each Mach-O file in ``wheel``."""
    found: dict[str, list[MachoFacts]] = defaultdict(list)
    for native in take_inventory(wheel).natives:
        assert isinstance(native.facts, MachoFacts)
        found[native.path].append(native.facts)
    return {path: tuple(slices) for path, slices in found.items()}


def problems(wheel: Path) -> list[str]:
    """Why files of ``wheel`` would not load on a Mac that has nothing but its system."""
    inventory = take_inventory(wheel)
    with zipfile.ZipFile(wheel) as opened:
        contents = {name: opened.read(name) for name in slices_of(wheel)}
    found = [f"{wheel.name}: {problem.message}" for problem in inventory.problems]
    found += _unmet(inventory)
    for path, data in contents.items():
        for check in verify_signature(data, path):
            found += [f"{path} ({check.cpu}): {problem}" for problem in check.problems]
            if check.cpu == "arm64" and check.signature is None:
                found.append(f"{path} (arm64) is not signed")
    return found


def _unmet(inventory: Inventory) -> Iterator[str]:
    """Names that lead to no file of the wheel for the same CPU, and run paths that leak."""
    there = {(n.path, n.facts.cpu) for n in inventory.natives if isinstance(n.facts, MachoFacts)}
    for native in inventory.natives:
        facts = native.facts
        assert isinstance(facts, MachoFacts)
        names = (d.name for d in facts.dependencies)
        for name in (name for name in names if not name.startswith(SYSTEM)):
            head, _, rest = name.partition("/")
            folders = [r for r in facts.rpaths if r.startswith("@loader_path")]
            places = [f"{folder}/{rest}" for folder in folders] if head == "@rpath" else [name]
            own = posixpath.dirname(native.path)
            paths = (p.replace("@loader_path", own or ".") for p in places)
            if not any((posixpath.normpath(path), facts.cpu) in there for path in paths):
                yield f"{native.path} ({facts.cpu}) asks for {name}"
        for rpath in facts.rpaths:
            if rpath.startswith("/") and not rpath.startswith(SYSTEM):
                yield f"{native.path} has the run path {rpath}"
