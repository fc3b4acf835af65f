"""``sealift doctor``: what this machine has of what Sealift needs, and how to get the rest."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from sealift import console, jsonform, store, tools
from sealift.config import Settings
from sealift.cross.toolchain import gnu_toolchains, kept_zig
from sealift.errors import SealiftError
from sealift.interpreters import choose
from sealift.target import current_target

_ENOUGH = 2 << 30  # bytes: an interpreter, wheels and compressed frames of a large product


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: ``needed`` tells whether Sealift works without it."""

    name: str
    good: bool
    found: str
    remedy: str = ""
    needed: bool = True


def report() -> int:
    """Print the findings; 1 when something that is needed is missing."""
    checks = list(run_checks())
    rows = [
        (
            "[green]ok[/]" if c.good else "[red]missing[/]" if c.needed else "[yellow]none[/]",
            c.name,
            console.escape(c.found if c.good else "; ".join(filter(None, (c.found, c.remedy)))),
        )
        for c in checks
    ]
    console.answer(jsonform.dump(tuple(checks)), ("", "what", "found"), rows)
    return int(any(check.needed and not check.good for check in checks))


def run_checks() -> Iterator[Check]:
    """Every check; none of them downloads anything."""
    target = current_target()
    yield Check("machine", good=True, found=str(target))
    for tool in (tools.UV, tools.PATCHELF):
        path = tool.find()
        yield Check(tool.name, good=bool(path), found=str(path or ""), remedy=tool.install)
    compiler = tools.find_compiler()
    yield Check(
        "C compiler",
        good=bool(compiler),
        found=str(compiler or ""),
        remedy="zig is fetched from the index when one is needed; or install gcc or clang",
        needed=False,
    )
    yield from _toolchain_checks()
    uses = (
        (tools.BWRAP, "sealift test"),
        (tools.GPGV, "what comes from Debian's archive"),
        (tools.WINE, "sealift test of programs for Windows"),
        (tools.MAKENSIS, "installers for Windows (nsis)"),
        (tools.MSIBUILD, "installers for Windows (msi)"),
        (tools.OSSLSIGNCODE, "signatures for Windows"),
    )
    for tool, purpose in uses:
        path = tool.find()
        yield Check(
            f"{tool.name}, for {purpose}",
            good=bool(path),
            found=str(path or ""),
            remedy=tool.install,
            needed=False,
        )
    yield _decoder_check()
    yield _interpreter_check()
    yield _store_check()


def _toolchain_checks() -> Iterator[Check]:
    """What compiles for other machines."""
    try:
        zig = kept_zig()
    except SealiftError as problem:
        yield Check("zig", good=False, found="", remedy=problem.message, needed=False)
        return
    yield Check(
        "zig, for other machines",
        good=bool(zig),
        found=str(zig or ""),
        remedy="fetched from the package index when it is first needed",
        needed=False,
    )
    known = gnu_toolchains()
    yield Check(
        "GNU toolchains for other machines",
        good=bool(known),
        found=", ".join(known),
        remedy="only --toolchain gcc needs one, such as apt install g++-aarch64-linux-gnu",
        needed=False,
    )


def _decoder_check() -> Check:
    try:
        kept = store.store_root() / "zstd"
    except SealiftError as problem:
        return Check("zstd's decoder", good=False, found="", remedy=problem.message, needed=False)
    return Check(
        "zstd's decoder",
        good=kept.is_dir(),
        found=str(kept) if kept.is_dir() else "",
        remedy="fetched from the package index when the first launcher is compiled",
        needed=False,
    )


def _interpreter_check() -> Check:
    settings = Settings()
    try:
        found = choose.preview(settings, current_target())
    except SealiftError as problem:
        return Check("Python to ship", good=False, found="", remedy=problem.message)
    return Check("Python to ship", good=bool(found), found=", ".join(found))


def _store_check() -> Check:
    try:
        root = store.store_root()
        free = shutil.disk_usage(root).free
    except SealiftError as problem:
        return Check("cache", good=False, found=problem.message, remedy=problem.hint or "")
    return Check(
        "cache",
        good=free > _ENOUGH,
        found=f"{root}, {console.size(free)} free",
        remedy="free some space, or set SEALIFT_CACHE_DIR",
    )
