"""What an application zip is made of: zips of files, each file once.

Files are grouped by the distribution they belong to and by the images that share them, byte for
byte, and every group becomes a zip in the content store.
"""

import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from sealift import console, process, store
from sealift.binary.elf import read_elf
from sealift.bytecode import read_pack
from sealift.image import INTERPRETER, CodePack, Entry, Image, Kind
from sealift.interpreter import Interpreter
from sealift.parts import GRAFTED
from sealift.target import cpu_count

SHARED = "shared"
LIBRARY = "lib/python"  # instead of lib/python3.13 and the like, so that Pythons can share
_EPOCH = (1980, 1, 1, 0, 0, 0)
_SOURCE_TIME = 315532800  # the same, as the unpacked sources have it
_PYC = struct.Struct("<4sIII")
_PRINT_MAGIC = "from _frozen_importlib_external import MAGIC_NUMBER; print(MAGIC_NUMBER.hex())"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedFile:
    """A file of a variant: its bytes are ``header`` and a range of ``source``.

    ``kind`` is an entry's, or the tag of the Python whose compiled code it is; ``digest`` stands
    for the content.
    """

    path: str
    mode: int
    origin: str
    kind: str
    digest: str
    source: Path = field(compare=False)
    size: int = field(compare=False)
    offset: int = field(default=0, compare=False)
    header: bytes = field(default=b"", compare=False)

    def content(self) -> bytes:
        """The file's bytes."""
        with self.source.open("rb") as file:
            file.seek(self.offset)
            return self.header + file.read(self.size)


@dataclass(frozen=True, slots=True)
class Part:
    """A zip within the zip, on disk at ``path``, of the images whose numbers are given."""

    name: str
    path: Path
    images: frozenset[int]
    is_code: bool


def zip_parts(images: Sequence[Image], level: int) -> Iterator[Part]:
    """The files of all images, each once, by distribution and by the images that share them."""
    owners: dict[PackedFile, set[int]] = {}
    for number, image in enumerate(images):
        for file in packed_files(image):
            owners.setdefault(file, set()).add(number)
    groups: dict[tuple[str, str, frozenset[int]], list[PackedFile]] = {}
    for file, numbers in owners.items():
        shared = frozenset(numbers)
        groups.setdefault((_folder(file, images, shared), file.origin, shared), []).append(file)
    with (
        ThreadPoolExecutor(cpu_count()) as pool,
        console.progress("Compressing", sum(file.size for file in owners)) as bar,
    ):
        futures = {
            key: pool.submit(_part_file, sorted(files, key=lambda file: file.path), level)
            for key, files in groups.items()
        }
        for (folder, origin, shared), future in futures.items():
            digest, path = future.result()
            bar.advance(sum(file.size for file in groups[folder, origin, shared]))
            name = f"{folder}/{origin}.{digest[:8]}.zip"
            yield Part(name, path, shared, folder.startswith("cpython-"))


def _folder(file: PackedFile, images: Sequence[Image], shared: frozenset[int]) -> str:
    (first, *others) = sorted(shared)
    if file.kind.startswith("cpython-"):
        return file.kind
    if others or (len(images) == 1 and file.kind != Kind.NATIVE):
        return SHARED
    return images[first].target.name


def _part_file(files: Sequence[PackedFile], level: int) -> tuple[str, Path]:
    facts = [f"{file.path} {file.mode:o} {file.digest}" for file in files]
    digest = store.digest_of("pyz", str(level), zlib.ZLIB_VERSION, *facts)
    return digest, store.make_entry("pyz", digest, lambda out: _write_part(files, level, out))


def _write_part(files: Sequence[PackedFile], level: int, out: Path) -> None:
    with zipfile.ZipFile(out, "w") as archive:
        for file in files:
            member = zip_member(file.path, file.mode)
            archive.writestr(member, file.content(), zipfile.ZIP_DEFLATED, level)


def zip_member(name: str, mode: int = 0o644) -> zipfile.ZipInfo:
    """A member of a zip, the same wherever and whenever it is made."""
    member = zipfile.ZipInfo(name, _EPOCH)
    member.create_system = 3  # Unix, wherever it is made
    member.external_attr = (0o100000 | mode) << 16
    return member


def packed_files(image: Image) -> Iterator[PackedFile]:
    """Files of the distributions, the libraries these need, and their compiled code."""
    entries = [entry for entry in image.entries if entry.origin not in (INTERPRETER, GRAFTED)]
    entries += _needed_libraries(entries, image)
    for entry in entries:
        yield PackedFile(
            path=_neutral(entry.path, image), mode=entry.mode, origin=entry.origin, kind=entry.kind,
            digest=entry.sha256, source=entry.source, size=entry.size,
        )  # fmt: skip
    magic = pyc_magic(image.interpreter)
    if magic:
        sizes = {entry.path: entry.size for entry in entries}
        for pack in image.code:
            yield from _code_files(pack, sizes, magic, image)


def _neutral(path: str, image: Image) -> str:
    """``path`` below :data:`LIBRARY` where it lies in the library's folder of the image."""
    library = f"{image.interpreter.stdlib}/"
    return f"{LIBRARY}/{path.removeprefix(library)}" if path.startswith(library) else path


def _code_files(
    pack: CodePack, sizes: Mapping[str, int], magic: bytes, image: Image
) -> Iterator[PackedFile]:
    """A ``.pyc`` file for the code of each source that is packed (PEP 552, by time)."""
    tag = f"cpython-{image.feature.replace('.', '')}"
    content = pack.path.read_bytes()
    for code in read_pack(pack.path):
        if code.path not in sizes:
            continue
        folder, _, name = _neutral(code.path, image).rpartition("/")
        header = _PYC.pack(magic, 0, _SOURCE_TIME, sizes[code.path] & 0xFFFFFFFF)
        own = content[code.offset : code.offset + code.size]
        yield PackedFile(
            path=f"{folder}/__pycache__/{name.removesuffix('.py')}.{tag}.pyc",
            mode=0o644, origin=pack.origin, kind=tag, digest=store.digest_of(header, own),
            source=pack.path, offset=code.offset, size=code.size, header=header,
        )  # fmt: skip


def _needed_libraries(entries: Sequence[Entry], image: Image) -> list[Entry]:
    """Libraries of the image that the native ``entries`` ask for and look for where they lie.

    libpython stays out: the Python that runs the zip has it.
    """
    libraries = {
        entry.path: entry
        for entry in image.entries
        if entry.kind is Kind.NATIVE and entry.origin in (INTERPRETER, GRAFTED)
    }
    found: dict[str, Entry] = {}
    pending = [entry for entry in entries if entry.kind is Kind.NATIVE]
    while pending:
        for path in _wanted(pending.pop()):
            if path in libraries and path not in found and "/libpython" not in path:
                found[path] = libraries[path]
                pending.append(libraries[path])
    return [found[path] for path in sorted(found)]


def _wanted(entry: Entry) -> Iterator[str]:
    """Where in the product a native file looks for the libraries it asks for."""
    facts = read_elf(entry.source)
    for needed in facts.needed if facts else ():
        for folder in (facts.runpath or facts.rpath) if facts else ():
            if folder.startswith("$ORIGIN"):
                own = posixpath.dirname(entry.path)
                yield posixpath.normpath(folder.replace("$ORIGIN", own, 1) + f"/{needed}")


def pyc_magic(interpreter: Interpreter) -> bytes | None:
    """What compiled code of ``interpreter`` begins with; ``None`` where it cannot be asked."""
    program = interpreter.program
    if program is None:
        return None
    text = store.remember(
        "pyz-magic",
        store.digest_of(interpreter.key, str(program)),
        lambda: process.run([program, "-I", "-S", "-c", _PRINT_MAGIC]).strip(),
    )
    return bytes.fromhex(text)
