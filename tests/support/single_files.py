"""A second, small writer of single files, independent of Sealift's own: it reads like the format.

The tree has the interpreter's whole standard library, a module ``main`` with a function ``main``,
and any other files.
"""

import functools
import hashlib
import itertools
import marshal
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import xxhash

from sealift.binary.elf_edit import stripped
from sealift.compression import compress
from sealift.interpreter import Interpreter
from sealift.launcher.compile import launcher_for

MODULE, PACKAGE, EXTENSION, DIRECTORY, SOURCE = 1, 2, 4, 8, 16
IMPORTER = Path(__file__).with_name("small_importer.py")
PAGE = 4096

_COMPILE = """
import marshal, pathlib, sys
stdlib = pathlib.Path(sys.argv[1])
left_out = {"test", "idlelib", "tkinter", "lib2to3", "turtledemo", "site-packages", "ensurepip",
            "pydoc_data", "unittest", "config-"}
found = {}
for path in sorted(stdlib.rglob("*.py")):
    part = path.relative_to(stdlib).as_posix()
    if any(part.startswith(name) for name in left_out):
        continue
    source = path.read_bytes()
    code = compile(source, "<stdlib>/" + part, "exec", dont_inherit=True)
    found[part] = (marshal.dumps(code), source)
sys.stdout.buffer.write(marshal.dumps(found, 2))
"""
_COMPILE_ONE = (
    "import marshal, sys; sys.stdout.buffer.write(marshal.dumps("
    "compile(sys.stdin.buffer.read(), sys.argv[1], 'exec', dont_inherit=True)))"
)


def _run(interpreter: Interpreter, script: str, *arguments: str, data: bytes = b"") -> bytes:
    assert interpreter.program
    command = [str(interpreter.program), "-I", "-S", "-c", script, *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


@functools.cache
def _stdlib(program: Path, stdlib: Path) -> Mapping[str, tuple[bytes, bytes]]:
    command = [str(program), "-I", "-S", "-c", _COMPILE, str(stdlib)]
    done = subprocess.run(command, capture_output=True, check=True)
    found: Mapping[str, tuple[bytes, bytes]] = marshal.loads(done.stdout)  # noqa: S302
    return found


@functools.cache
def _stripped(path: Path) -> bytes:
    return stripped(path.read_bytes())


@dataclass
class _Entry:
    key: str
    flags: int
    code: bytes = b""
    file: str = ""
    source: bytes = b""
    children: list[int] = field(default_factory=list)


def write_single_file(
    out: Path,
    interpreter: Interpreter,
    main: str,
    *,
    files: Mapping[str, bytes] | None = None,
    name: str = "app",
    version: str = "1.0",
) -> Path:
    """An executable at ``out`` whose module ``main`` has this source; returns ``out``."""
    tree = dict(make_tree(interpreter, main, files or {}))
    key = hashlib.sha256(b"".join(tree.values())).digest()
    tree["image.sealift"] = tree["image.sealift"][:104] + key + tree["image.sealift"][136:]
    launcher = launcher_for(interpreter).read_bytes()
    launcher = launcher.ljust(-(-len(launcher) // PAGE) * PAGE, b"\0")
    names = (name, version, interpreter.feature, interpreter.library or "")
    out.write_bytes(launcher + payload(tree, key, names))
    out.chmod(0o755)
    return out


def write_folder(out: Path, interpreter: Interpreter, main: str, *, name: str = "app") -> Path:
    """The same as a folder at ``out``; returns the program in it."""
    launcher = launcher_for(interpreter).read_bytes()
    tree = dict(make_tree(interpreter, main, {}))
    tree |= {name: launcher, f"bin/python{interpreter.feature}": launcher}
    for path, data in tree.items():
        target = out / path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        target.write_bytes(data)
        target.chmod(0o755 if data is launcher else 0o644)
    return out / name


def make_tree(
    interpreter: Interpreter, main: str, files: Mapping[str, bytes]
) -> Mapping[str, bytes]:
    """All files of the tree but ``bin/pythonX.Y``, by path; ``files`` are added."""
    assert interpreter.program
    stdlib, root = interpreter.stdlib, interpreter.root
    tree = dict(files)
    if interpreter.library:
        tree[interpreter.library] = _stripped((root / interpreter.library).resolve())
    entries: dict[str, _Entry] = {}
    for part, (code, source) in _stdlib(interpreter.program, root / stdlib).items():
        _add_module(entries, f"{stdlib}/{part}", code, source)
    for path in sorted((root / stdlib / "lib-dynload").glob(f"*{interpreter.ext_suffix}")):
        if path.name.startswith(("_test", "_xx", "xx", "_tkinter", "_ctypes_test")):
            continue
        place = f"{stdlib}/lib-dynload/{path.name}"
        module = place.removesuffix(interpreter.ext_suffix)
        entries[module] = _Entry(module, EXTENSION, file=place)
        tree[place] = _stripped(path)
    for own, text in (
        ("_sealift_importer.py", IMPORTER.read_text()),
        (f"{stdlib}/site-packages/main.py", main),
    ):
        code = _run(interpreter, _COMPILE_ONE, own, data=text.encode())
        _add_module(entries, own, code, text.encode())
    tree["image.sealift"] = _image(_with_folders(entries), stdlib)
    return tree


def _add_module(entries: dict[str, _Entry], path: str, code: bytes, source: bytes) -> None:
    key, flags = path.removesuffix(".py"), MODULE | SOURCE
    if key.endswith("/__init__"):
        key, flags = key.removesuffix("/__init__"), flags | PACKAGE | DIRECTORY
    entries[key] = _Entry(key, flags, code, path, source)


def _with_folders(entries: dict[str, _Entry]) -> list[_Entry]:
    for key in list(entries):
        for folder in itertools.accumulate(key.split("/")[:-1], "{}/{}".format):
            entries.setdefault(folder, _Entry(folder, 0)).flags |= DIRECTORY
    ordered = sorted(entries.values(), key=lambda entry: entry.key)
    numbers = {entry.key: number for number, entry in enumerate(ordered)}
    for entry in ordered:
        parent = entry.key.rpartition("/")[0]
        if parent:
            entries[parent].children.append(numbers[entry.key])
    return ordered


def _fnv1a(data: bytes) -> int:
    value = 2166136261
    for byte in data:
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def _slots(entries: list[_Entry]) -> list[int]:
    slots = [0] * (1 << (len(entries) * 2).bit_length())
    for number, entry in enumerate(entries):
        at = _fnv1a(entry.key.encode()) % len(slots)
        while slots[at]:
            at = (at + 1) % len(slots)
        slots[at] = number + 1
    return slots


def _image(entries: list[_Entry], stdlib: str) -> bytes:
    strings, places = bytearray(b"\0"), {}

    def place(text: str) -> int:
        if text not in places:
            places[text] = len(strings)
            strings.extend(text.encode() + b"\0")
        return places[text]

    slots = _slots(entries)
    children = [child for entry in entries for child in entry.children]
    frozen = b"".join(
        struct.pack("<4I", number, place(name), entry.flags & PACKAGE, 0)
        for number, entry in enumerate(entries)
        for name in [entry.key.removeprefix(f"{stdlib}/").replace("/", ".")]
        if name in {"encodings", "encodings.aliases", "encodings.utf_8", "_sealift_importer"}
    )
    settings = marshal.dumps({"entry": ("main", "main")}, 2)
    with_source = [entry for entry in entries if entry.flags & SOURCE]
    groups = {entry.key: number for number, entry in enumerate(with_source)}
    for entry in entries:
        place(entry.key)
        place(entry.file)
    sizes = (len(slots) * 4, 64 * len(entries), 4 * len(children), len(strings), 16 * len(groups),
             len(frozen), len(settings))  # fmt: skip
    offsets, at = [], 192
    for size in sizes:
        offsets.append(at)
        at += -(-size // 8) * 8
    records, bodies, first = [], [], 0
    for entry in entries:
        records.append(struct.pack(
            "<Q11I12x", at, len(entry.code), entry.flags, place(entry.key), len(entry.key.encode()),
            place(entry.file), len(entry.file.encode()), groups.get(entry.key, 0), 0,
            len(entry.source), first, len(entry.children)))  # fmt: skip
        bodies.append(entry.code)
        at += len(entry.code)
        first += len(entry.children)
    group_records = []
    for entry in with_source:
        packed = compress(entry.source, 1)
        group_records.append(struct.pack("<QII", at, len(packed), len(entry.source)))
        bodies.append(packed)
        at += len(packed)
    header = struct.pack(
        "<8s6I9Q32s56x", b"SLIMAGE\1", len(slots), len(entries), len(children), len(groups),
        len(frozen) // 16, 0, at, *offsets, len(settings), bytes(32))  # fmt: skip
    tables = (struct.pack(f"<{len(slots)}I", *slots), b"".join(records),
              struct.pack(f"<{len(children)}I", *children), bytes(strings),
              b"".join(group_records), frozen, settings)  # fmt: skip
    padded = (table.ljust(-(-len(table) // 8) * 8, b"\0") for table in tables)
    return b"".join((header, *padded, *bodies))


def payload(tree: Mapping[str, bytes], key: bytes, names: tuple[str, ...]) -> bytes:
    """The payload of ``tree`` with frames of 1 MiB raw."""
    raw = b"".join(tree.values())
    cuts = [raw[at : at + (1 << 20)] for at in range(0, len(raw), 1 << 20)]
    packed = [compress(cut, 1) for cut in cuts]
    name_data = b"".join(name.encode() + b"\0" for name in names)
    strings = b"".join(path.encode() + b"\0" for path in tree)
    strings_at = 256 + len(name_data)
    files_at = -(-(strings_at + len(strings)) // 8) * 8
    frames_at = files_at + 32 * len(tree)
    at = frames_at + 24 * len(cuts)
    files, offset, string = [], 0, 0
    for path, data in tree.items():
        size = len(path.encode())
        digest = xxhash.xxh64_intdigest(data)
        files.append(struct.pack("<QQQIHH", offset, len(data), digest, string, size, 0o644))
        offset += len(data)
        string += size + 1
    frames = []
    for number, (cut, data) in enumerate(zip(cuts, packed, strict=True)):
        frames.append(struct.pack("<QQII", at, number << 20, len(data), len(cut)))
        at += len(data)
    header = struct.pack(
        "<8s4I7Q32s144x", b"SEALIFT\1", 0, len(tree), len(cuts), len(name_data), at, 256,
        strings_at, len(strings), files_at, frames_at, len(raw), key)  # fmt: skip
    head = (header + name_data + strings).ljust(files_at, b"\0")
    return head + b"".join((*files, *frames, *packed))
