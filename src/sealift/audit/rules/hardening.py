"""What keeps an attacker from turning a fault into code: stacks, relocations, address layout."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sealift.audit.finding import Finding
from sealift.audit.inventory import Inventory
from sealift.audit.natives import Native
from sealift.audit.verdict import Verdict
from sealift.binary.elf import ElfFacts, Relro

if TYPE_CHECKING:
    from sealift.binary.macho import MachoFacts
    from sealift.binary.pe import PeFacts


def hardening(inventory: Inventory, _: Verdict) -> Iterator[Finding]:
    """What each native file lacks."""
    for native in inventory.natives:
        if native.facts.format == "elf":
            yield from _elf(native, native.facts)
        elif native.facts.format == "macho":
            yield from _macho(native, native.facts)
        else:
            yield from _pe(native, native.facts)


def _elf(native: Native, facts: ElfFacts) -> Iterator[Finding]:
    if facts.kind not in {"EXEC", "DYN"}:
        return
    if facts.has_executable_stack:
        told = "asks for" if facts.stack_flags is not None else "says nothing of its stack, so gets"
        yield _finding("executable-stack", f"it {told} an executable stack", native)
    if facts.has_writable_code:
        message = "a segment of it is writable and executable"
        yield _finding("writable-code", message, native)
    if facts.has_text_relocations:
        yield _finding("text-relocations", "its code is changed while it is loaded", native)
    if facts.relro is Relro.NONE and not facts.is_static and facts.needed:
        message = "its table of functions stays writable"
        yield _finding("no-relro", message, native)
    if facts.kind == "EXEC":  # libraries that can be started too, as libc.so.6, have no flag for it
        yield _finding("not-pie", "the program is loaded to a fixed address", native)


def _macho(native: Native, facts: "MachoFacts") -> Iterator[Finding]:
    if facts.is_program and not facts.is_pie:
        message = f"the program ({facts.cpu}) is loaded to a fixed address"
        yield _finding("not-pie", message, native)
    if facts.allows_stack_execution:
        message = f"it ({facts.cpu}) asks for an executable stack"
        yield _finding("executable-stack", message, native)
    if facts.signature_problem:
        message = f"its signature ({facts.cpu}) cannot be read: {facts.signature_problem}"
        yield _finding("unsigned-macho", message, native)
    elif facts.cpu.startswith("arm64") and not facts.is_signed and _is_loaded(facts):
        message = f"its code for {facts.cpu} has no signature, not even an ad-hoc one"
        yield _finding("unsigned-macho", message, native)


def _pe(native: Native, facts: "PeFacts") -> Iterator[Finding]:
    has_code = bool(facts.imports) and not facts.is_dotnet  # files of data alone ask for nothing
    if has_code and not (facts.has_aslr and facts.has_relocations):
        message = "Windows cannot load it to an address of its choice"
        yield _finding("no-aslr", message, native)
    if not facts.has_nx:
        yield _finding("executable-data", "its data may be executed", native)
    if facts.has_writable_code:
        message = "a section of it is writable and executable"
        yield _finding("writable-code", message, native)
    if has_code and not facts.has_cfg:
        message = "calls through pointers are not guarded"
        yield _finding("no-control-flow-guard", message, native)


def _is_loaded(facts: "MachoFacts") -> bool:
    return facts.kind in {"execute", "dylib", "bundle"} and facts.platform in {None, "macos"}


def _finding(rule: str, message: str, native: Native) -> Finding:
    return Finding(rule=rule, message=message, file=native.path)
