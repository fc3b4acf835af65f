"""What a Windows wheel needs to run where the DLLs that it was linked to are not.

DLLs that neither Windows nor its Python has are taken in and called by a digest, in their file
names and wherever they are asked for: Windows has one DLL of a name in a process, so that without
this the first of two wheels would serve the second.  No name is kept: what the runtime of Visual
C++ and forwarded exports ask for is renamed like all else.
"""

import functools
from collections.abc import Sequence

from sealift.audit.inventory import Inventory
from sealift.audit.verdict import Verdict
from sealift.binary.pe import PeFacts
from sealift.binary.pe_edit import edit
from sealift.errors import ConfigError, RefusedError
from sealift.policy.windows import TAGS
from sealift.repair.plan import Options, Tree, Work
from sealift.repair.windows_closure import EXTENSION, Closure


def plan(tree: Tree, options: Options) -> Work:
    """The closure of DLLs that users' machines lack, and the edits that make it be found.

    Raises :class:`RefusedError` for a module or a DLL that is for another machine, for a program
    that could not find DLLs of the wheel, and when symbols are to be taken out.
    """
    if options.strips:
        raise RefusedError(
            f"cannot strip {tree.inventory.name}: symbols are taken out of Linux files only",
            hint="leave --strip out; link with -s, or run strip --strip-all before",
        )
    _refuse_strangers(tree.inventory)
    closure = Closure(tree, options)
    closure.take()
    return Work(
        edits={path: functools.partial(edit, change=change) for path, change in closure.changes()},
        grafts=closure.taken(),
        texts=closure.packages.texts(),
        missing=tuple(closure.absent()),
        left=frozenset(closure.left),
        notes=tuple(closure.notes()),
    )


def _refuse_strangers(inventory: Inventory) -> None:
    """Refuse extension modules that Pythons with the wheel's tag cannot load."""
    wheel = inventory.wheel
    claimed = wheel.platforms if wheel else ()
    strangers = [
        f"{native.path} is for {native.facts.machine}"
        for native in inventory.natives
        if isinstance(native.facts, PeFacts)
        and native.path.lower().endswith(EXTENSION)
        and TAGS.get(native.facts.machine) not in claimed
    ]
    if strangers:
        raise RefusedError(
            f"cannot repair {inventory.name}: its tag is for another machine than its modules",
            details=strangers,
            hint="build it for the machine it is meant for; one wheel for each machine",
        )


def platforms(verdict: Verdict) -> Sequence[str]:
    """The tags that were claimed, where the files are for one: no tag tells more of Windows."""
    return verdict.claimed if verdict.best in verdict.claimed else ()


def reaches(verdict: Verdict, floor: str) -> bool:
    """Whether the wheel is for the machine of ``floor``.

    Raises :class:`ConfigError` for what is no tag of Windows.
    """
    if floor not in TAGS.values():
        msg = f"cannot repair for {floor!r}: Windows has no such tag"
        raise ConfigError(msg, hint="tags are win32, win_amd64 and win_arm64")
    return floor in platforms(verdict)
