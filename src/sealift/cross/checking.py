"""What a cross-built wheel has to be: nothing missing, nothing for another machine.

Backends say "successfully built" of a wheel whose optional extension modules all failed, and of one
that was compiled for this machine.  Neither passes here.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from sealift.audit.allowance import Allowance
from sealift.audit.finding import Severity, load_rules
from sealift.audit.report import audit
from sealift.binary.elf_symbols import SymbolTable
from sealift.binary.view import View
from sealift.buildhints import hint_for
from sealift.cross.toolchain import ZIG
from sealift.errors import BuildError
from sealift.order import Order
from sealift.strictzip import StrictZip
from sealift.wheel import is_native, module_files, read_wheel

# What an audit finds that tells of a build gone wrong, not of a wheel that wants repair.
_TELLING = frozenset({
    "wrong-machine", "wrong-system", "wrong-suffix", "native-in-pure-wheel", "abi3-outside",
    "abi3-too-new", "damaged-native", "wheel-tags-differ",
})  # fmt: skip
_SUFFIX = re.compile(r"\.(?:(?:cpython-|cp|abi3t?\b|pypy)[\w-]*\.)?(?:so|pyd)$")
_OF_CXX = re.compile(r"_Z[A-Z]+St3__1")  # LLVM's library has a namespace of its own in std
_SHOWN = 8


def module_names(files: Iterable[str]) -> frozenset[str]:
    """The dotted names of the extension modules among ``files``, paths in site-packages.

    Libraries whose names begin with ``lib`` are none, nor is what lies in a folder of grafts.

    >>> sorted(module_names(["a/_b.cpython-313-x86_64-linux-gnu.so", "a/libc.so", "d.pyd"]))
    ['a._b', 'd']
    """
    found = set()
    for path in files:
        pure = PurePosixPath(path)
        match = _SUFFIX.search(pure.name)
        folders = pure.parts[:-1]
        if not match or pure.name.startswith("lib") or any(not f.isidentifier() for f in folders):
            continue
        found.add(".".join((*folders, pure.name[: match.start()])))
    return frozenset(found)


def check_built(wheel: Path, order: Order, expected: frozenset[str]) -> None:
    """Raise :class:`BuildError` where ``wheel``, just built, is not what it should be.

    ``expected`` are dotted names of extension modules that it has to have, but for those that the
    order's options call optional, ``*`` being all.
    """
    table, optional = f"[tool.sealift.build.{order.name}]", order.options.optional
    files = module_files(read_wheel(wheel))
    missing = sorted(expected - module_names(files) - set(optional))
    if missing and "*" not in optional:
        lacking = "extension modules" if any(map(is_native, files)) else "the native code"
        more = [f"and {len(missing) - _SHOWN} more"] if missing[_SHOWN:] else []
        raise BuildError(
            f"cannot build {order.label}: its wheel lacks {lacking} that it is to have",
            details=[*missing[:_SHOWN], *more],
            hint=hint_for(order.log, platform=order.target.name)
            or "the log tells why they were left out, often for want of a library: name it in "
            f"libraries of {table}, or the modules in optional",
            log=order.log,
        )
    wrong = list(_faults(wheel))
    if wrong:
        raise BuildError(
            f"cannot build {order.label}: what was built is not for the target",
            details=wrong[:_SHOWN],
            hint="does its build take the compiler and the platform from elsewhere than the "
            "variables CC and sysconfig's answers? environment and patches of "
            f"{table} can help",
            log=order.log,
        )
    unlinked = _unlinked(wheel) if order.toolchain == ZIG and order.target.os == "linux" else []
    if unlinked:
        raise BuildError(
            f"cannot build {order.label}: zig's C++ library lacks what it asks for",
            details=unlinked[:_SHOWN],
            hint="on POWER it has nothing for long double; GCC's has: --toolchain gcc",
            log=order.log,
        )


def _unlinked(wheel: Path) -> list[str]:
    """Symbols of zig's C++ library, which is a static one, that no file of ``wheel`` has."""
    asked, there = set[str](), set[str]()
    with StrictZip(wheel) as archive:
        for member in archive.files:
            if is_native(member.name):
                table = SymbolTable(View(archive.whole(member), member.name))
                asked |= {
                    it.name for it in table.undefined() if it.asked and _OF_CXX.match(it.name)
                }
                there |= {it.name for it in table.defined() if _OF_CXX.match(it.name)}
    return sorted(asked - there)


def _faults(wheel: Path) -> Iterator[str]:
    for finding in audit(wheel, Allowance(ignored=frozenset(load_rules()) - _TELLING)).findings:
        if finding.severity is Severity.ERROR:
            yield f"{finding.file}: {finding.message}" if finding.file else finding.message
