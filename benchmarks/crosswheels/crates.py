"""Crates out of Debian's packages, and sdists that are built with these, by Debian's Rust.

It is for machines that reach neither crates.io nor rustup's server.  Debian has one version of most
crates, so ``Cargo.lock`` is left out, and ``packages.toml`` tells what else is to be required.
"""

import gzip
import io
import os
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from benchmarks.crosswheels.rust_std import sysroot
from sealift import store
from sealift.debian.downloads import download
from sealift.debian.index import Index, Package, locate_index
from sealift.debian.releases import parse_release
from sealift.debian.resolution import resolve
from sealift.debian.selection import select_packages
from sealift.debian.unpacking import unpack_packages
from sealift.fetch import Remote, fetch
from sealift.index import find_release
from sealift.plan import locked_file
from sealift.tables import load_table
from sealift.target import Target

_RELEASE, _ARCHITECTURE = "debian-14", "amd64"  # crates are sources, the same for each
# To have a wheel soon, not a quick one.
_QUICK = {
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
}
_CONFIG = """[source.crates-io]
replace-with = "debian"
[source.debian]
directory = "{crates}"
"""


def variables(crates: Sequence[str], target: Target, work: Path) -> dict[str, str]:
    """What has a build for ``target`` take Debian's cargo and rustc, and ``crates`` with their own.

    A crate is named as in Debian's packages, with a feature or not: ``pyo3+abi3``.  ``work`` is a
    folder to write to.
    """
    top = work.resolve() / "cargo" / store.digest_of(*sorted(crates))[:16]
    home = top / target.name
    (home / "bin").mkdir(parents=True, exist_ok=True)
    (home / "config.toml").write_text(_CONFIG.format(crates=_registry(crates)), encoding="utf-8")
    cargo, rustc = home / "bin/cargo", home / "bin/rustc"
    for program in (cargo, rustc):
        program.unlink(missing_ok=True)
        program.symlink_to(f"/usr/bin/{program.name}")
    path = os.pathsep.join((str(home / "bin"), os.environ.get("PATH", os.defpath)))
    # What is built to run on this machine is the same for all targets.
    told = {"CARGO_HOME": str(home), "CARGO_TARGET_DIR": str(top / "built"), "PATH": path, **_QUICK}
    if target.os == "linux":
        return told
    root = sysroot(load_table("rust")[target.name])
    rustc.unlink()
    rustc.write_text(f'#!/bin/sh\nexec /usr/bin/rustc --sysroot {root} "$@"\n', encoding="utf-8")
    rustc.chmod(0o755)
    # What rustc strips programs for macOS with is not among Debian's packages of it.
    return {**told, "CARGO_PROFILE_RELEASE_STRIP": "none"}


def _registry(crates: Sequence[str]) -> Path:
    """A folder of crates, as cargo takes them in place of a registry."""
    names = sorted(f"librust-{crate}-dev" for crate in crates)

    def select(index: Index) -> tuple[Package, ...]:
        # Libraries in C and compilers that some ask for are nothing that cargo looks for.
        return resolve(index, names, is_assumed=lambda them: not them[0].startswith("librust-"))

    location = locate_index(parse_release(_RELEASE), _ARCHITECTURE)
    packages = select_packages(location, ("crates", *names), select).packages

    def make(entry: Path) -> None:
        files = [package.file for package in packages]
        debs = download(files, title=f"{len(files)} crates", kind="debian-packages")
        whole = entry.with_name("whole")
        unpack_packages(debs, whole)
        (whole / "usr/share/cargo/registry").rename(entry)

    key = store.digest_of("1", *(package.file.sha256 for package in packages))
    return store.make_entry("crates", key, make)


def prepared_sdist(name: str, row: Mapping[str, Any], work: Path) -> Path:
    """The sdist of ``name`` as ``row`` of ``packages.toml`` has it built, in folder ``work``."""
    wanted = f"{name}=={row['version']}"
    release = find_release(wanted, python="3.13")
    assert release.sdist, wanted
    file = locked_file(release.sdist, wanted)
    sdist = fetch(Remote(file.location, file.sha256, file.size))
    out = work / "sdists" / sdist.name
    out.parent.mkdir(parents=True, exist_ok=True)
    with (
        tarfile.open(sdist) as old,
        gzip.GzipFile(out, "wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as new,
    ):
        for member, data in _changed(old, row["edits"]):
            member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    return out


def _changed(
    archive: tarfile.TarFile, edits: Sequence[Sequence[str]]
) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    """The members that stay, with what is in them."""
    for member in archive:
        content = archive.extractfile(member)
        data = content.read() if content else b""
        name = PurePosixPath(member.name).name
        if name == "Cargo.toml":
            for old, new in edits:
                assert old.encode() in data, old
                data = data.replace(old.encode(), new.encode())
        if name != "Cargo.lock":
            yield member, data
