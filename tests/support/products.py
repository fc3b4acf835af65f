"""Images staged from a folder of packages, without wheels, locks or networks."""

from collections.abc import Sequence
from pathlib import Path

from sealift import parts, store
from sealift.bytecode import compile_sources
from sealift.image import Image
from sealift.interpreter import Interpreter
from sealift.manifest import folder_entries
from sealift.parts import Part
from sealift.entry import EntryPoint
from sealift.startup import read_startup
from sealift.target import current_target


def folder_part(folder: Path, interpreter: Interpreter, name: str) -> Part:
    """All files of ``folder`` as a distribution ``name`` in site-packages."""
    digests = (f"{path} {store.file_sha256(path)}" for path in _files(folder))
    key = store.digest_of(*digests)
    prefix = f"{interpreter.stdlib}/site-packages"
    return Part(name, key, folder_entries(folder, prefix=prefix, origin=name, key=key))


def make_image(
    interpreter: Interpreter,
    folders: Sequence[Path],
    entry: EntryPoint,
    *,
    name: str = "product",
    certificates: str = "system",
) -> Image:
    """An image of ``interpreter`` and the packages in ``folders``, which starts ``entry``."""
    others = [folder_part(folder, interpreter, folder.name) for folder in folders]
    python = parts.interpreter_part(interpreter, others, everything=False)
    staged = [python, *others]
    entries = parts.merged(staged)
    site = f"{interpreter.stdlib}/site-packages"
    names = frozenset(str(parent) for entry in entries for parent in Path(entry.path).parents)
    pth = [(e.path, e.source) for e in entries if e.path.endswith(".pth")]
    startup = read_startup(pth, python=interpreter.version, folders=names)
    image = Image(
        name=name,
        version="1.0",
        target=current_target(),
        python=interpreter.version,
        interpreter=interpreter,
        library=interpreter.library,
        entry=entry,
        entries=entries,
        code=tuple(
            compile_sources(interpreter, part.origin, part.sources(), part.key) for part in staged
        ),
        search_path=(
            interpreter.stdlib, f"{interpreter.stdlib}/lib-dynload", site, *startup.folders,
        ),
        startup=startup.code,
        distributions=tuple(f"{folder.name} 1.0" for folder in folders),
        certificates=certificates,
        floor=None,
        floor_because="",
        sources=True,
        key="",
    )  # fmt: skip
    return image.with_key()


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
