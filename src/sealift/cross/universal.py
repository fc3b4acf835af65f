"""Wheels for both kinds of Mac made one (``universal2``).

What is native is merged, modules and headers that differ choose by the processor
(:mod:`.either`), all else has to be the same in both.  Source: the binary distribution
format (PEP 427), and for the tag packaging's ``mac_platforms``: it names the macOS that Macs with
Intel's processors need; all others have 11.0 at least.
"""

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.utils import canonicalize_name

from sealift import archive
from sealift.binary.macho_fat import merged
from sealift.binary.macho_layout import is_macho
from sealift.cross.either import either
from sealift.errors import BuildError
from sealift.output import make_folder
from sealift.target import Target, Version, load_targets
from sealift.wheel import WheelFile, verify_wheel
from sealift.wheel_writer import write_wheel

_PLATFORM = re.compile(r"macosx_(\d+)_(\d+)_(\w+)")
_FIRST = (11, 0)  # of macOS on Apple's own processors
# Where bills of materials of a wheel lie (PEP 770): what was compiled in differs by machine.
_BILLS = "{dist_info}/sboms/"
_WRITTEN_ANEW = {"RECORD", "RECORD.jws", "RECORD.p7s", "WHEEL"}
_MOST_NAMED = 8


def halves(target: Target) -> tuple[Target, Target]:
    """The targets for Intel's and for Apple's processors that ``macos-universal2`` is made of."""
    found = (load_targets()["macos-x86_64"], load_targets()["macos-arm64"])
    intel, apple = (
        replace(half, floor=max(target.floor, half.oldest or target.floor))
        if target.floor
        else half
        for half in found
    )
    return intel, apple


def merge_wheels(intel: Path, apple: Path, out: Path) -> Path:
    """The wheel for both machines in the folder ``out``, of one for each.

    The same wheels give the same bytes.  Raises :class:`BuildError` where they are not of the same
    release and Python, or have files that differ and are not native, all of which are named.
    """
    wheels = verify_wheel(intel), verify_wheel(apple)
    name = _name(*wheels)
    out = make_folder(out)
    with tempfile.TemporaryDirectory(prefix="sealift-merge-", dir=out) as scratch:
        one, other = Path(scratch, "intel"), Path(scratch, "apple")
        archive.extract_zip(intel, one)
        archive.extract_zip(apple, other)
        _merge(one, other, wheels)
        _retag(one / wheels[0].dist_info, name)
        made = Path(scratch, name)
        write_wheel(made, one, wheels[0].dist_info)
        made.replace(out / name)
    return out / name


def _name(intel: WheelFile, apple: WheelFile) -> str:
    both = f"cannot merge {intel.path.name} with {apple.path.name}"
    releases = {(canonicalize_name(it.name), it.version, it.dist_info) for it in (intel, apple)}
    pythons = {frozenset((tag.interpreter, tag.abi) for tag in it.tags) for it in (intel, apple)}
    if len(releases) > 1 or len(pythons) > 1:
        differ = "releases" if len(releases) > 1 else "Pythons"
        raise BuildError(f"{both}: they are for different {differ}")
    needed, least = _oldest(intel, "x86_64"), _oldest(apple, "arm64")
    if needed is None or least is None:
        wrong, machine = (intel, "x86_64") if needed is None else (apple, "arm64")
        raise BuildError(f"{both}: {wrong.path.name} is not for macOS on {machine}")
    floor = max(needed, least) if least > _FIRST else needed
    stem = intel.path.name.removesuffix(".whl").rpartition("-")[0]
    return f"{stem}-macosx_{floor[0]}_{floor[1]}_universal2.whl"


def _oldest(wheel: WheelFile, cpu: str) -> Version | None:
    found = (_PLATFORM.fullmatch(tag.platform) for tag in wheel.tags)
    return min(((int(it[1]), int(it[2])) for it in found if it and it[3] == cpu), default=None)


def _merge(one: Path, other: Path, wheels: Sequence[WheelFile]) -> None:
    """Make the files below ``one`` those for both machines."""
    conflicts = sorted(_conflicts(one, other, wheels[0].dist_info))
    if conflicts:
        more = len(conflicts) - _MOST_NAMED
        raise BuildError(
            f"cannot merge {wheels[0].path.name} with {wheels[1].path.name}: "
            "they differ in what cannot be made one",
            details=[*conflicts[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else [])],
            hint="ship one wheel for each kind of Mac: -t macos-x86_64 -t macos-arm64",
        )


def _conflicts(one: Path, other: Path, dist_info: str) -> Iterator[str]:
    files, others = _files(one), _files(other)
    anew = {f"{dist_info}/{name}" for name in _WRITTEN_ANEW}
    for place in sorted((files | others) - anew):
        if place not in files or place not in others:
            machine = "x86_64" if place in files else "arm64"
            yield f"{place} is only in the one for {machine}"
            continue
        path = one / place
        data, also = path.read_bytes(), (other / place).read_bytes()
        if data == also:
            continue
        if place.startswith(_BILLS.format(dist_info=dist_info)):
            path.with_name(f"arm64-{path.name}").write_bytes(also)
            continue
        if not (is_macho(data[:8]) and is_macho(also[:8])):
            made = either(place, data, also)
            if made is None:
                yield f"{place} differs"
            else:
                path.write_bytes(made)
            continue
        path.write_bytes(merged({f"{place} for x86_64": data, f"{place} for arm64": also}))


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _retag(info: Path, name: str) -> None:
    told = (info / "WHEEL").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    kept = [line for line in told if line and not line.lower().startswith("tag:")]
    pythons, abis, platform = name.removesuffix(".whl").split("-")[-3:]
    tags = [f"Tag: {p}-{a}-{platform}" for p in pythons.split(".") for a in abis.split(".")]
    text = "".join(f"{line}\n" for line in (*kept, *tags))
    (info / "WHEEL").write_bytes(text.encode("utf-8", "surrogateescape"))
    for signature in ("RECORD.jws", "RECORD.p7s"):
        (info / signature).unlink(missing_ok=True)
