"""Rust's standard library for systems that Debian has none for, built from its source of it.

cargo builds it as for nightly versions (``-Zbuild-std``); with the compiler of that very version,
which is told to let it, that is what Debian does itself.
"""

import os
from pathlib import Path

from sealift import process, store
from sealift.cross.rust_library import debian_compiler, fitting_package
from sealift.debian.downloads import download
from sealift.debian.unpacking import unpack_packages

_RUSTC, _CARGO = Path("/usr/bin/rustc"), Path("/usr/bin/cargo")
_HOST = "x86_64-unknown-linux-gnu"
_CRATES = "std,panic_unwind,panic_abort,proc_macro"
_MANIFEST = '[package]\nname = "empty"\nversion = "1.0.0"\nedition = "2021"\n'
_CONFIG = """[source.crates-io]
replace-with = "vendored"
[source.vendored]
directory = "{}"
"""


def sysroot(triple: str) -> Path:
    """A folder for ``rustc --sysroot`` that has the library for ``triple``, and this machine's."""
    sources = _sources()

    def make(entry: Path) -> None:
        folder = entry / "lib/rustlib" / triple / "lib"
        folder.mkdir(parents=True)
        (entry / "lib/rustlib" / _HOST).symlink_to(f"/usr/lib/rustlib/{_HOST}")
        for library in _built(sources, triple, entry.with_name("build")):
            library.rename(folder / library.name)

    return store.make_entry("rust-sysroots", store.digest_of("1", sources.name, triple), make)


def _sources() -> Path:
    """The library's sources, with the crates that it is made of."""
    compiler = debian_compiler(_RUSTC)
    assert compiler, "needs Debian's rustc"
    name = f"{compiler.name.replace('rustc', 'rust', 1)}-src"
    package = fitting_package(compiler, name, "amd64")
    assert package, name

    def make(entry: Path) -> None:
        debs = download([package.file], title="Rust's source", kind="debian-packages")
        whole = entry.with_name("whole")
        unpack_packages(debs, whole)
        (library,) = whole.glob("usr/src/*/library")
        library.rename(entry)

    return store.make_entry("rust-sources", store.digest_of("1", package.file.sha256), make)


def _built(sources: Path, triple: str, work: Path) -> list[Path]:
    """The libraries for ``triple``, in the folder ``work``."""
    (work / "home").mkdir(parents=True)
    (work / "src").mkdir()
    (work / "src/lib.rs").write_text("#![no_std]\n", encoding="utf-8")
    (work / "Cargo.toml").write_text(_MANIFEST, encoding="utf-8")
    config = _CONFIG.format(sources / "vendor")
    (work / "home/config.toml").write_text(config, encoding="utf-8")
    env = {
        **os.environ,
        "PATH": "/usr/bin:/bin",
        "CARGO_HOME": str(work / "home"),
        "RUSTC_BOOTSTRAP": "1",
        "RUSTFLAGS": "-Cembed-bitcode=yes",  # for those who optimize while they link
        "__CARGO_TESTS_ONLY_SRC_ROOT": str(sources),
    }
    process.run(
        [_CARGO, "build", "--release", f"-Zbuild-std={_CRATES}", "--target", triple],
        cwd=work,
        env=env,
        action=f"build Rust's library for {triple}",
    )
    if triple.endswith("-windows-gnu"):
        for name in ("rsbegin", "rsend"):
            source = sources / f"rtstartup/{name}.rs"
            process.run(
                [_RUSTC, "--target", triple, "--emit=obj", "-o", work / f"{name}.o", source],
                env=env,
                action=f"compile {name} for {triple}",
            )
    built = (work / "target" / triple / "release/deps").glob("*.rlib")
    return [*work.glob("*.o"), *(path for path in built if not path.name.startswith("libempty"))]
