"""Rust for another machine: what cargo, PyO3 and maturin are told, where rustc has its library.

Variables: https://doc.rust-lang.org/cargo/reference/config.html, PyO3's guide on cross compiling,
maturin's on PEP 517.  The linker is the C compiler of the toolchain, so the floor is its floor.
"""

import functools
import os
from pathlib import Path

from sealift import process
from sealift.backend import BuildSystem
from sealift.cross.host import Host
from sealift.cross.rust_library import debian_compiler, debian_library
from sealift.errors import ToolError
from sealift.tables import load_table
from sealift.target import Target
from sealift.tools import CARGO, RUSTC

_BACKENDS = ("maturin",)
_REQUIRED = ("setuptools-rust", "setuptools_rust", "maturin")


def needs_rust(system: BuildSystem) -> bool:
    """Whether a project with this build system is built by cargo."""
    return system.backend.startswith(_BACKENDS) or any(
        text.lower().startswith(_REQUIRED) for text in system.requires
    )


def rust_variables(host: Host, name: str) -> dict[str, str | None]:
    """Variables by which cargo builds ``name`` for ``host``; those that are ``None`` are absent.

    Raises :class:`ToolError` with the command that gets it where there is no Rust for the target,
    and what :func:`~sealift.cross.rust_library.debian_library` does.
    """
    triple = _triple(host.target, name)
    library = _library(triple, name, host.target)
    tools, upper, under = host.toolchain, triple.upper().replace("-", "_"), triple.replace("-", "_")
    return {
        "CARGO_BUILD_TARGET": triple,
        f"CARGO_TARGET_{upper}_LINKER": str(tools.cc),
        f"CARGO_TARGET_{upper}_AR": str(tools.ar),
        f"CARGO_TARGET_{upper}_RUSTFLAGS": _flags(upper, library, host.libraries),
        "RUSTFLAGS": None,  # in whose place these are, which hold for the target alone
        f"CC_{under}": str(tools.cc),
        f"CXX_{under}": str(tools.cxx),
        f"AR_{under}": str(tools.ar),
        # For programs that cargo builds to run while it builds: this machine's own compiler.
        "HOST_CC": "cc",
        **python_variables(host, triple),
    }


def python_variables(host: Host, triple: str) -> dict[str, str | None]:
    """What tells PyO3 and maturin of the Python that they build for.

    They read the host's answers of sysconfig.  Of a Windows they know these, by its version alone,
    and refuse to read them.
    """
    python = ".".join(host.version.split(".")[:2])
    arguments = f"--target {triple} --compatibility linux --skip-auditwheel"
    on_windows = host.target.is_windows
    return {
        "MATURIN_PEP517_ARGS": f"{arguments} -i python{python}" if on_windows else arguments,
        "PYO3_CROSS_LIB_DIR": None if on_windows else host.variables["PYTHONPATH"],
        "PYO3_CROSS_PYTHON_VERSION": python,
    }


def _flags(triple: str, *searched: Path | None) -> str:
    """Flags of the user, where libraries are, and that crates do not tell where cargo keeps them.

    Of the user's, cargo would heed ``RUSTFLAGS`` alone where it is set.
    """
    names = ("RUSTFLAGS", f"CARGO_TARGET_{triple}_RUSTFLAGS")
    own = next((os.environ[name] for name in names if name in os.environ), "")
    home = os.environ.get("CARGO_HOME") or str(Path.home() / ".cargo")
    # Flags are told apart by spaces, whatever is around them.
    mapped = "" if " " in home else f"--remap-path-prefix={home}=/cargo"
    return " ".join(filter(None, (own, *(f"-L{folder}" for folder in searched if folder), mapped)))


def _library(triple: str, name: str, target: Target) -> Path | None:
    """Where the library for ``triple`` is, ``None`` where rustc has it itself."""
    hint = f"rustup target add {triple}"
    for tool in (CARGO, RUSTC):
        if tool.find() is None:
            raise ToolError(
                f"cannot build {name} for {target}: it is written in Rust, and there is no "
                f"{tool.name} here",
                hint=f"install Rust (https://rustup.rs, or {tool.install}), then {hint}",
            )
    rustc = RUSTC.require()
    told = process.run(
        [rustc, "--print", "target-libdir", "--target", triple],
        action=f"ask rustc for its library for {triple}",
    )
    if any(Path(told.strip()).glob("libstd-*")):
        return None
    compiler = debian_compiler(rustc)
    library = debian_library(compiler, target, triple) if compiler else None
    if library is None:
        raise ToolError(
            f"cannot build {name} for {target}: it is written in Rust, and the Rust here has no "
            f"standard library for {triple}",
            hint=f"Debian has none for {compiler.name} {compiler.version} either; with rustup's "
            f"Rust (https://rustup.rs): {hint}"
            if compiler
            else hint,
        )
    return library


def _triple(target: Target, name: str) -> str:
    triple = _triples().get(target.name)
    if triple is None:
        raise ToolError(f"cannot build {name} for {target}: Rust has no such target")
    return triple


@functools.cache
def _triples() -> dict[str, str]:
    return load_table("rust")
