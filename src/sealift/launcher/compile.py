"""The launcher of an interpreter, compiled at first use and kept in the content store.

Which sources are compiled, and how, is told by system in ``data/launchers.toml``.  It is C11
against the interpreter's own headers, with zstd's decoder from the source distribution of
``backports-zstd`` (version and digest fixed here).  The system's compiler makes launchers for this
machine; zig, which comes as a wheel, makes them for others and for older C libraries.
"""

import ast
import dataclasses
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sealift import archive, console, fetch, process, store
from sealift.binary.build_paths import neutralised, telling
from sealift.cross.toolchain import ZIG, find_toolchain
from sealift.errors import InterpreterError, SealiftError, ToolError
from sealift.floor import floor_of
from sealift.index import find_sdist
from sealift.interpreter import Interpreter
from sealift.launcher.machines import by_machine, joined
from sealift.launcher.tree import python_program
from sealift.tables import load_table
from sealift.target import Target, cpu_count, current_target
from sealift.tools import find_compiler
from sealift.windows.header import undated

_SOURCES = Path(__file__).parent
_ZSTD = ("backports-zstd", "1.8.0")
_PURPOSE = "its zstd decoder is compiled into launchers, once on this machine"
_ZSTD_SHA256 = "9dae4f4c481716e3db473d667457b4f508ff7459c0931b567a5c9677fb3db316"
_ZSTD_COMMON = ("entropy_common", "error_private", "fse_decompress", "xxhash", "zstd_common")
_ZSTD_DECOMPRESS = ("huf_decompress", "zstd_ddict", "zstd_decompress", "zstd_decompress_block")

_FLAGS = (
    "-std=c11", "-O2", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections",
    "-fstack-protector-strong",
)  # fmt: skip
# The decoder with its assembly and its variants for CPU features, as the first start waits for it;
# without those that only far offsets or a few percent more of Huffman codes would gain from, which
# take a third of the compiler's time.
_ZSTD_FLAGS = (
    "-DZSTD_LEGACY_SUPPORT=0", "-DZSTD_TRACE=0",
    "-DZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT", "-DHUF_FORCE_DECOMPRESS_X1",
    "-DZSTDLIB_VISIBLE=", "-DZSTDERRORLIB_VISIBLE=", "-DXXH_NAMESPACE=ZSTD_",
)  # fmt: skip
_SYSTEM_LIBRARIES = frozenset({"c", "dl", "m", "pthread", "rt", "util"})


@dataclass(frozen=True, slots=True)
class _Compiler:
    """A command that compiles C for one kind of machine; ``identity`` tells compilers apart."""

    command: tuple[str, ...]
    identity: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _System:
    """A row of ``data/launchers.toml``: names of C sources, flags of compiler and linker.

    ``cc`` are compilers for other machines than this one, by the name of the target.
    """

    files: tuple[str, ...]
    flags: tuple[str, ...]
    link: tuple[str, ...]
    cc: Mapping[str, str] = field(default_factory=dict)


@functools.cache
def _systems() -> Mapping[str, _System]:
    rows: dict[str, dict[str, Any]] = load_table("launchers")
    return {
        name: _System(
            **{key: tuple(row[key]) for key in ("files", "flags", "link")}, cc=row.get("cc", {})
        )
        for name, row in rows.items()
    }


def c_sources(system: str) -> list[Path]:
    """The launcher's own C sources for ``system``, as targets name it."""
    others = {name for row in _systems().values() for name in row.files}
    own = _systems()[system].files
    return sorted(f for f in _SOURCES.glob("*.c") if f.stem in own or f.stem not in others)


def c_flags(interpreter: Interpreter) -> list[str]:
    """What those are compiled with, besides where headers are."""
    system = _systems()[interpreter.target.os]
    return [*_FLAGS, *system.flags, *(f"-D{define}" for define in _defines(interpreter))]


def launcher_for(interpreter: Interpreter) -> Path:
    """The stripped launcher that starts ``interpreter``: a file of the content store.

    It contains libpython where the interpreter has no shared one.  It asks for no newer C library
    than the interpreter does.  For macOS it is signed ad hoc.  Raises :class:`InterpreterError`
    when there are no headers, :class:`ToolError` when there is no compiler or it fails.
    """
    launchers = [_launcher(one) for one in by_machine(interpreter)]
    if interpreter.target.os == "macos":
        return joined(launchers, f"python{interpreter.feature}")
    (launcher,) = launchers
    return launcher


def _launcher(interpreter: Interpreter) -> Path:
    if not interpreter.headers:
        raise InterpreterError(
            f"cannot compile a launcher for Python {interpreter.version}: it has no C headers",
            hint="install its development files, or choose another with --python",
        )
    refused: list[str] = []
    for compiler in _compilers(interpreter.target):
        try:
            launcher = _compiled(interpreter, compiler)
        except ToolError as problem:
            if os.environ.get("SEALIFT_CC"):
                raise
            refused += [problem.message, *problem.details]
            continue
        needed = floor_of({"the launcher": launcher}, interpreter.target)
        if not interpreter.floor or not needed.version or needed.version <= interpreter.floor:
            return launcher
        refused.append(f"{compiler.command[0]}: {needed.because}")
    raise ToolError(
        f"cannot compile a launcher for {interpreter.target} that suits Python "
        f"{interpreter.version}",
        details=refused,
        hint="pip install ziglang   |   set SEALIFT_CC to a compiler for a system as old",
    )


def _compilers(target: Target) -> Iterator[_Compiler]:
    """What may compile for ``target``, the quickest to get first."""
    if target.name == current_target().name:
        ready = find_compiler()
    else:
        found = shutil.which(_systems()[target.os].cc.get(target.name, ""))
        ready = Path(found) if found else None
    if ready:
        yield _Compiler((str(ready),), _version_of(ready), os.environ)
    try:
        yield _zig(target)
    except SealiftError as problem:
        if ready:
            return
        raise ToolError(
            f"cannot compile a launcher for {target}: there is no C compiler",
            details=[problem.message, *problem.details],
            hint="install gcc or clang   |   pip install ziglang   |   set SEALIFT_CC",
        ) from problem


@functools.cache
def _version_of(compiler: Path) -> str:
    return process.run([compiler, "--version"], action="ask the compiler for its version")


def _zig(target: Target) -> _Compiler:
    zig = find_toolchain(ZIG, dataclasses.replace(target, floor=None))
    # musl takes the size of threads' stacks from the program.
    flags = ["-Wl,-z,stack-size=1048576"] if target.abi == "musl" else []
    return _Compiler((str(zig.cc), *flags), zig.identity, os.environ)


def _compiled(interpreter: Interpreter, compiler: _Compiler) -> Path:
    assert interpreter.headers is not None
    sources = [*c_sources(interpreter.target.os), *sorted(_SOURCES.glob("*.h"))]
    static = None if interpreter.library else interpreter.static_library
    inputs = [*sources, interpreter.headers / "patchlevel.h", *_pyconfig(interpreter.headers)]
    key = store.digest_of(
        "4", compiler.identity, *compiler.command[1:], *_ZSTD_FLAGS, _ZSTD_SHA256,
        *c_flags(interpreter), *_systems()[interpreter.target.os].link,
        *(file.read_bytes() for file in inputs),
        *((store.file_stamp(static), *interpreter.build_paths) if static else ()),
    )  # fmt: skip

    def make(out: Path) -> None:
        with console.step(f"Compiling the launcher for Python {interpreter.feature}"):
            _compile(interpreter, compiler, out)

    return store.make_entry("launchers", key, make)


def _pyconfig(headers: Path) -> Iterator[Path]:
    """``pyconfig.h``: beside ``Python.h``, or in a folder of the CPU where they are shared."""
    yield from sorted({*headers.glob("pyconfig.h"), *headers.parent.glob("*/*/pyconfig.h")})


def _compile(interpreter: Interpreter, compiler: _Compiler, out: Path) -> None:
    zstd = _zstd_sources()
    sources = [  # the longest first
        *(zstd / "decompress" / f"{name}.c" for name in _ZSTD_DECOMPRESS),
        *(zstd / "common" / f"{name}.c" for name in _ZSTD_COMMON),
        *c_sources(interpreter.target.os),
        zstd / "decompress" / "huf_decompress_amd64.S",  # empty for other CPUs
    ]
    flags = [
        *c_flags(interpreter), *_ZSTD_FLAGS,
        f"-ffile-prefix-map={_SOURCES}=launcher", f"-ffile-prefix-map={zstd}=zstd",
        f"-I{zstd}", "-isystem", str(interpreter.headers),
    ]  # fmt: skip
    with (
        tempfile.TemporaryDirectory(dir=out.parent) as folder,
        ThreadPoolExecutor(cpu_count()) as pool,
    ):
        objects = [Path(folder, f"{number}.o") for number in range(len(sources))]

        def compile_one(source: Path, made: Path) -> None:
            command = [*compiler.command, *flags, "-c", str(source), "-o", str(made)]
            _run(command, interpreter, compiler)

        list(pool.map(compile_one, sources, objects))
        _link(interpreter, compiler, objects, out)
    if interpreter.library is None:
        out.write_bytes(neutralised(out.read_bytes(), telling(interpreter.build_paths)))


def _link(
    interpreter: Interpreter, compiler: _Compiler, objects: Sequence[Path], out: Path
) -> None:
    linked = objects[0].with_name("launcher.exe")  # a suffix that MinGW's linker adds of its own
    command = [
        *compiler.command, *map(str, objects), *_static_link(interpreter),
        *_systems()[interpreter.target.os].link, "-o", str(linked),
    ]  # fmt: skip
    try:
        _run(command, interpreter, compiler)
    except ToolError as problem:
        # Many a libpython.a was compiled for programs at a fixed address.
        if interpreter.library is not None or not any("PIE" in line for line in problem.details):
            raise
        _run([*command, "-no-pie"], interpreter, compiler)
    if interpreter.target.is_windows:
        linked.write_bytes(undated(linked.read_bytes()))
    linked.replace(out)


def _run(command: Sequence[str], interpreter: Interpreter, compiler: _Compiler) -> None:
    process.run(
        command,
        env=compiler.environment,
        action=f"compile the launcher for Python {interpreter.version}",
        hint="set SEALIFT_CC to another C compiler",
    )


def _defines(interpreter: Interpreter) -> Iterator[str]:
    yield f'SEALIFT_LIBRARY="{interpreter.library or ""}"'
    yield f'SEALIFT_STDLIB="{interpreter.stdlib}"'
    yield f'SEALIFT_DYNLOAD="{interpreter.dynload}"'
    yield f'SEALIFT_PROGRAM="{python_program(interpreter)}"'
    yield f'SEALIFT_PLATLIBDIR="{"DLLs" if interpreter.target.is_windows else "lib"}"'
    if interpreter.library is None:
        yield "SEALIFT_STATIC"


def _zstd_sources() -> Path:
    """The folder with zstd's ``common`` and ``decompress``."""

    def make(folder: Path) -> None:
        sdist = find_sdist(*_ZSTD, purpose=_PURPOSE)
        archived = fetch.fetch(fetch.Remote(sdist.url, _ZSTD_SHA256, sdist.size))
        whole = folder.with_name("whole")
        archive.extract_tar(archived, whole, strip=1)
        shutil.move(whole / "src" / "c" / "zstd" / "lib", folder)

    return store.make_entry("zstd", _ZSTD_SHA256[:32], make)


def _static_link(interpreter: Interpreter) -> Iterator[str]:
    """How to link libpython with everything it offers, so that extension modules find it.

    Libraries it asks for besides the system's are linked statically, too, and stay unseen: an
    extension module with its own copy of one, of another version, must not get half of this one.
    """
    if interpreter.library is not None:
        return
    if not interpreter.static_library or interpreter.target.os != "linux":
        raise InterpreterError(
            f"cannot compile a launcher for Python {interpreter.version}: it has no libpython",
            hint="install its development files, or choose another with --python",
        )
    libraries = _asked_libraries(interpreter)
    own = [f"-l{name}" for name in libraries if name not in _SYSTEM_LIBRARIES]
    yield from ("-Wl,--whole-archive", str(interpreter.static_library), "-Wl,--no-whole-archive")
    yield "-Wl,--export-dynamic"
    if own:
        yield from ("-Wl,-Bstatic", *own, "-Wl,-Bdynamic")
        archives = (f"lib{flag.removeprefix('-l')}.a" for flag in own)
        yield f"-Wl,--exclude-libs,{':'.join(archives)}"
    yield from (f"-l{name}" for name in libraries if name in _SYSTEM_LIBRARIES)


def _asked_libraries(interpreter: Interpreter) -> list[str]:
    """Names of the libraries that linking libpython takes, from its build's own variables."""
    flags: list[str] = []
    for path in (interpreter.root / interpreter.stdlib).glob("_sysconfigdata_*.py"):
        variables = _assigned_dict(path)
        for name in ("MODLIBS", "LIBS", "SYSLIBS"):
            flags += str(variables.get(name, "")).split()
    return list(dict.fromkeys(flag[2:] for flag in flags if flag.startswith("-l")))


def _assigned_dict(path: Path) -> Mapping[object, object]:
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Dict):
            pairs = zip(statement.value.keys, statement.value.values, strict=True)
            # Values with prefixes that are found out at run time are expressions.
            return {
                key.value: value.value
                for key, value in pairs
                if isinstance(key, ast.Constant) and isinstance(value, ast.Constant)
            }
    return {}
