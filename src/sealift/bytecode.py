r"""Compiled code of a distribution, made by the interpreter that is shipped.

A *code pack* is one file, all integers little-endian::

    0   magic "SLCODE\1\0"
    8   u32 count, u32 size of the names
    16  sha256 of everything behind this header (32 bytes)
    48  records, 24 bytes each, sorted by path:
            u64 offset, u32 size, u32 name offset, u32 name size, u32 zero
        names, then the code: what ``marshal.dumps`` gave, file after file, without gaps

Offsets count from the start of the file, those of names from the start of the names.  The code's
``co_filename`` is the path in the product; whoever loads it puts the true folder in front.

The bytes depend on the sources, their paths and the interpreter alone: each chunk is compiled in
a fresh, isolated process, and chunks are cut by a fixed rule.
"""

import hashlib
import itertools
import json
import shutil
import struct
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sealift import console
from sealift.errors import BuildError, InterpreterError
from sealift.image import CodePack
from sealift.interpreter import Interpreter
from sealift.process import clean_environment, run
from sealift.store import digest_of, make_entry
from sealift.target import cpu_count

MAGIC = b"SLCODE\1\0"
_FORMAT = "1"
_HEADER = struct.Struct("<8sII32s")
_RECORD = struct.Struct("<QIIII")
_CHUNK = 2 << 20  # bytes of source that one process compiles
_WORKER = Path(__file__).with_name("bytecode_worker.py")

Source = tuple[str, Path]


@dataclass(frozen=True, slots=True)
class Code:
    """Where the code of the file ``path`` lies in its pack."""

    path: str
    offset: int
    size: int


def compile_sources(
    interpreter: Interpreter, origin: str, sources: Sequence[Source], key: str
) -> CodePack:
    """The code pack of distribution ``origin``, whose content ``key`` identifies.

    ``sources`` are pairs of path in the product and file here.  A file that does not compile (a
    template, a test's data) has no code in the pack; importing it gives its SyntaxError then.
    Raises :class:`InterpreterError` when no program of the interpreter runs here.
    """
    ordered = sorted(sources)
    paths = "\n".join(path for path, _ in ordered)
    version = f"{interpreter.version} {interpreter.free_threaded}"
    path = make_entry(
        "bytecode",
        digest_of(_FORMAT, version, key, paths),
        lambda out: _compile(interpreter, origin, ordered, out),
    )
    with path.open("rb") as file:
        digest = _HEADER.unpack(file.read(_HEADER.size))[3]
    return CodePack(origin=origin, path=path, sha256=digest.hex())


def read_pack(path: Path) -> tuple[Code, ...]:
    """The table of a code pack, in the order of the code, which is the order of paths."""
    with path.open("rb") as file:
        magic, count, names_size, _ = _HEADER.unpack(file.read(_HEADER.size))
        if magic != MAGIC:
            raise BuildError(f"cannot use {path}: not a code pack of this version of Sealift")
        records = list(_RECORD.iter_unpack(file.read(count * _RECORD.size)))
        names = file.read(names_size)
    return tuple(
        Code(names[at : at + length].decode(), offset, size)
        for offset, size, at, length, _ in records
    )


def code_range(table: Sequence[Code]) -> tuple[int, int]:
    """Offset and size of all code of a pack; zeros for an empty one."""
    if not table:
        return 0, 0
    start = table[0].offset
    return start, table[-1].offset + table[-1].size - start


def _compile(interpreter: Interpreter, origin: str, sources: Sequence[Source], out: Path) -> None:
    program = interpreter.program
    if program is None:
        raise InterpreterError(
            f"cannot compile {origin}: no CPython {interpreter.feature} runs on this machine",
            hint=f"install CPython {interpreter.feature} here, or choose another with --python",
        )
    chunks = list(_chunks(sources))
    parts = [out.with_name(f"part-{number}") for number in range(len(chunks))]
    with ThreadPoolExecutor(cpu_count()) as pool:
        answers = list(
            pool.map(lambda chunk, part: _run_worker(program, chunk, part), chunks, parts)
        )
    sizes = [
        (path, size)
        for chunk, answer in zip(chunks, answers, strict=True)
        for (path, _), (size, problem) in zip(chunk, answer, strict=True)
        if not _reported(path, problem)
    ]
    _write_pack(out, sizes, parts)


def _chunks(sources: Sequence[Source]) -> Iterator[list[Source]]:
    """``sources`` in runs of about the same size; where they are cut depends on them alone."""
    total = 0

    def run_number(source: Source) -> int:
        nonlocal total
        total += source[1].stat().st_size
        return total // _CHUNK

    for _, chunk in itertools.groupby(sources, run_number):
        yield list(chunk)


def _run_worker(program: Path, chunk: Sequence[Source], out: Path) -> list[tuple[int, str | None]]:
    listing = json.dumps([(path, str(file)) for path, file in chunk]).encode()
    answer = run(
        [program, "-s", "-S", "-P", "-B", "-W", "ignore", _WORKER, out],
        env=clean_environment({"PYTHONHASHSEED": "0"}),
        input_bytes=listing,
        error=BuildError,
        action=f"compile {chunk[0][0]} and {len(chunk) - 1} more",
    )
    return [(size, problem) for size, problem in json.loads(answer)]


def _reported(path: str, problem: str | None) -> bool:
    if problem:
        console.detail(f"{path} is shipped without code: {problem}")
    return bool(problem)


def _write_pack(out: Path, sizes: Sequence[tuple[str, int]], parts: Sequence[Path]) -> None:
    names = [path.encode() for path, _ in sizes]
    name_offsets = itertools.accumulate((len(name) for name in names), initial=0)
    code_at = _HEADER.size + len(names) * _RECORD.size + sum(map(len, names))
    code_offsets = itertools.accumulate((size for _, size in sizes), initial=code_at)
    records = b"".join(
        _RECORD.pack(offset, size, name_offset, len(name), 0)
        for (_, size), name, name_offset, offset in zip(
            sizes, names, name_offsets, code_offsets, strict=False
        )
    )
    blank = _HEADER.pack(MAGIC, len(names), sum(map(len, names)), bytes(32))
    with out.open("w+b") as pack:
        pack.write(blank + records + b"".join(names))
        for part in parts:
            with part.open("rb") as code:
                shutil.copyfileobj(code, pack, 1 << 20)
        pack.seek(_HEADER.size)
        digest = hashlib.file_digest(pack, "sha256").digest()
        pack.seek(_HEADER.size - len(digest))
        pack.write(digest)
