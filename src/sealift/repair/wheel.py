"""One wheel repaired: unpacked, planned, edited, judged anew and written under its new tag."""

import importlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import cast

from packaging.utils import canonicalize_name

from sealift import archive, sbom, store
from sealift.audit.exclusion import without
from sealift.audit.inventory import Inventory, WheelInfo, take_inventory
from sealift.audit.platform import judge, system_of_tag
from sealift.audit.subject import Kind
from sealift.audit.tags import parse_platform
from sealift.audit.verdict import Reason, Verdict
from sealift.errors import ArchiveError, ConfigError, RefusedError
from sealift.output import make_folder, output_error
from sealift.owners import Owner, owners_of
from sealift.repair.plan import Edit, Graft, Options, System, Tree, Work
from sealift.sbom import Component, package_url
from sealift.target import cpu_count
from sealift.wheel import is_native, verify_wheel
from sealift.wheel_writer import write_wheel

_SBOM = "sboms/sealift{}.cdx.json"
_TOLD_ANEW = ("tag:", "root-is-purelib:")
_MOST_REASONS = 6
_SYSTEMS = ("linux", "macos", "windows")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What came of a repair: the wheel at ``path``, its verdict, what was grafted and is to know.

    ``is_changed`` is false where there was nothing to do, and the file is as it was.
    """

    path: Path
    verdict: Verdict
    grafts: tuple[Graft, ...]
    notes: tuple[str, ...]
    is_changed: bool


def repair_wheel(path: Path, options: Options, out: Path) -> Repaired:
    """Write the repaired wheel into folder ``out``, which is made where it is missing.

    Raises :class:`ArchiveError` for a wheel that is damaged or lies, :class:`RefusedError` with the
    symbols, the libraries and the ways out where it cannot be mended, and
    :class:`~sealift.errors.OutputError`.
    """
    verify_wheel(path)
    inventory = take_inventory(path)
    wheel = inventory.wheel
    if wheel is None:
        raise ArchiveError(f"cannot repair {path.name}: its name is not a wheel's")
    system = _system(inventory)
    options = replace(options, floor=_with_arch(options.floor, wheel))
    make_folder(out)
    try:
        if system is None:
            return _copied(path, out, Verdict(best="any", claimed=wheel.platforms))
        return _repaired(inventory, system, options, out)
    except OSError as problem:
        raise output_error(out, problem) from problem


def _repaired(inventory: Inventory, system: System, options: Options, out: Path) -> Repaired:
    path, wheel = inventory.path, inventory.wheel
    assert wheel
    with tempfile.TemporaryDirectory(prefix=".sealift-", dir=out) as scratch:
        folder = Path(scratch, "wheel")
        archive.extract_zip(path, folder)
        tree = Tree(folder=folder, inventory=inventory)
        work = system.plan(tree, options)
        _refuse_missing(path, work)
        _apply(tree, work, Path(scratch, "edited"))
        verdict = _judged(tree, work)
        platforms = _platforms(path, system, verdict, options)
        is_as_it_was = not (work.edits or work.grafts or work.texts)
        if is_as_it_was and _is_tagged(system, verdict, platforms):
            return _copied(path, out, verdict, work.notes)
        final = out / _filename(path, platforms)
        _describe(tree, wheel, work, final.name)
        write_wheel(Path(scratch, final.name), folder, wheel.dist_info)
        Path(scratch, final.name).replace(final)
    return Repaired(
        path=final, verdict=verdict, grafts=work.grafts, notes=work.notes, is_changed=True
    )


def _system(inventory: Inventory) -> System | None:
    """The module for the system of the wheel's files; none where it has no native ones."""
    claimed = inventory.wheel.platforms if inventory.wheel else ()
    libraries = [native.path for native in inventory.natives if is_native(native.name)]
    if not inventory.natives or (claimed == ("any",) and not libraries):
        return None  # programs in a wheel for any platform are data, such as starters for Windows
    names = sorted({system_of_tag(tag) or tag for tag in claimed})
    name = names[0]
    if name == "any":
        raise RefusedError(
            f"cannot repair {inventory.name}: its tag says any platform, and it has {libraries[0]}",
            hint="let its build backend give it the tag of its platform",
        )
    if len(names) > 1 or name not in _SYSTEMS:
        raise RefusedError(
            f"cannot repair {inventory.name}: it is for {' and '.join(names)}",
            hint=f"build a wheel for each platform; those for {', '.join(_SYSTEMS)} are repaired",
        )
    module: ModuleType = importlib.import_module(f"sealift.repair.{name}")
    return cast("System", module)


def _with_arch(floor: str | None, wheel: WheelInfo) -> str | None:
    """``floor`` with the architecture of ``wheel`` where it names none, as in manylinux_2_28."""
    if floor is None or parse_platform(floor):
        return floor
    arches = {found.arch for tag in wheel.platforms if (found := parse_platform(tag))}
    return f"{floor}_{arches.pop()}" if len(arches) == 1 else floor


def _copied(path: Path, out: Path, verdict: Verdict, notes: tuple[str, ...] = ()) -> Repaired:
    final = out / path.name
    if not final.exists() or not final.samefile(path):
        with tempfile.TemporaryDirectory(prefix=".sealift-", dir=out) as scratch:
            shutil.copyfile(path, Path(scratch, path.name))
            Path(scratch, path.name).replace(final)
    return Repaired(path=final, verdict=verdict, grafts=(), notes=notes, is_changed=False)


def _refuse_missing(path: Path, work: Work) -> None:
    if not work.missing:
        return
    lines = [
        f"{missing.library}: {', '.join(missing.askers[:_MOST_REASONS])} "
        f"{'ask' if missing.askers[1:] else 'asks'} for it"
        for missing in work.missing
    ]
    names = ", ".join(missing.library for missing in work.missing)
    raise RefusedError(
        f"cannot repair {path.name}: {names} {'are' if work.missing[1:] else 'is'} nowhere on this "
        "machine",
        details=lines,
        hint="install what has it, name its folder with --search, or leave it to the users' "
        "machines with --exclude",
    )


def _apply(tree: Tree, work: Work, edited: Path) -> None:
    """Edit and add files in place; each file is written once."""
    edited.mkdir()
    sources = {graft.path: graft.source for graft in work.grafts}
    with ThreadPoolExecutor(cpu_count()) as pool:
        paths = sorted({*work.edits, *sources})
        places = [edited / str(number) for number in range(len(paths))]
        given = (sources.get(path, tree.file(path)) for path in paths)
        edits = (work.edits.get(path) for path in paths)
        for path, file in zip(paths, pool.map(_made, given, places, edits), strict=True):
            tree.file(path).parent.mkdir(parents=True, exist_ok=True)
            file.replace(tree.file(path))
    for path, data in work.texts.items():
        tree.file(path).parent.mkdir(parents=True, exist_ok=True)
        tree.file(path).write_bytes(data)


def _made(source: Path, out: Path, edit: Edit | None) -> Path:
    """The file as it is to be, at ``out``."""
    if edit:
        edit(source, out)
    else:
        shutil.copyfile(source, out)
    out.chmod(0o755)
    return out


def _judged(tree: Tree, work: Work) -> Verdict:
    """The verdict on the files as they are now, without what was left outside on purpose."""
    now = take_inventory(tree.folder)
    now = replace(now, kind=Kind.WHEEL, wheel=tree.inventory.wheel, name=tree.inventory.name)
    return judge(without(now, work.left))


def _platforms(path: Path, system: System, verdict: Verdict, options: Options) -> Sequence[str]:
    """The new platform tags; refuses where none that was wanted fits."""
    wanted = options.floor
    platforms = system.platforms(verdict)
    if platforms and (not wanted or system.reaches(verdict, wanted)):
        return platforms
    tag = wanted or next(iter(verdict.obstacles), "any platform tag")
    nearest = next(iter(verdict.obstacles.values()), ())
    reasons = verdict.obstacles.get(tag, nearest)
    raise RefusedError(
        f"cannot repair {path.name}: it does not fit {tag}"
        + (f"; the best it can have is {verdict.best}" if platforms else ""),
        details=list(_told(reasons)),
        hint="build it on an older system or for an older one (a lower --floor of the build), "
        "leave libraries outside with --exclude, or ask for less with --floor",
    )


def _is_tagged(system: System, verdict: Verdict, platforms: Sequence[str]) -> bool:
    """Whether the wheel has ``platforms`` among its tags, and no others but what they imply."""
    return set(platforms) <= set(verdict.claimed) and all(
        tag in platforms or _holds(system, verdict, tag) for tag in verdict.claimed
    )


def _holds(system: System, verdict: Verdict, tag: str) -> bool:
    best, claimed = parse_platform(verdict.best or ""), parse_platform(tag)
    if best and claimed and {best.family, claimed.family} == {"manylinux", "musllinux"}:
        return True  # of programs without a C library; which of the two is no matter of repairs
    try:
        return system.reaches(verdict, tag)
    except ConfigError:
        return False


def _told(reasons: Sequence[Reason]) -> Iterator[str]:
    for reason in reasons[:_MOST_REASONS]:
        yield " → ".join((*reason.chain, f"{reason.file} {reason.text}"))
    if len(reasons) > _MOST_REASONS:
        yield f"and {len(reasons) - _MOST_REASONS} more; `sealift audit` shows all"


def _filename(path: Path, platforms: Sequence[str]) -> str:
    stem = path.name.removesuffix(".whl").rpartition("-")[0]
    return f"{stem}-{'.'.join(sorted(platforms))}.whl"


def _describe(tree: Tree, wheel: WheelInfo, work: Work, name: str) -> None:
    """Bring WHEEL in line with the file's name, and add the bill of materials (PEP 770)."""
    folder = tree.file(wheel.dist_info)
    told = (folder / "WHEEL").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    kept = [line for line in told if line and not line.lower().startswith(_TOLD_ANEW)]
    pythons, abis, platforms = (
        part.split(".") for part in name.removesuffix(".whl").split("-")[-3:]
    )
    tags = [f"Tag: {p}-{a}-{f}" for p in pythons for a in abis for f in platforms]
    text = "".join(f"{line}\n" for line in (*kept, "Root-Is-Purelib: false", *tags))
    (folder / "WHEEL").write_bytes(text.encode("utf-8", "surrogateescape"))
    for signature in ("RECORD.jws", "RECORD.p7s"):
        (folder / signature).unlink(missing_ok=True)
    if work.grafts:
        _write_sbom(tree, wheel, work.grafts)


def _write_sbom(tree: Tree, wheel: WheelInfo, grafts: Sequence[Graft]) -> None:
    folder = tree.file(wheel.dist_info)
    numbers = ("", *(f"-{number}" for number in range(2, 100)))
    names = (folder / _SBOM.format(number) for number in numbers)
    target = next(path for path in names if not path.exists())
    target.parent.mkdir(exist_ok=True)
    whole = Component(
        name=wheel.name,
        version=wheel.version,
        purl=package_url("pypi", canonicalize_name(wheel.name), wheel.version),
    )
    owners = owners_of(graft.source for graft in grafts)
    components = [_component(tree, graft, owners.get(graft.source)) for graft in grafts]
    target.write_bytes(sbom.cyclonedx(whole, components))


def _component(tree: Tree, graft: Graft, owner: Owner | None) -> Component:
    return Component(
        name=owner.name if owner else graft.asked,
        version=owner.version if owner else None,
        purl=owner.purl if owner else None,
        licence=owner.licence if owner else None,
        sha256=store.file_sha256(tree.file(graft.path)),
        files=(graft.path,),
    )
