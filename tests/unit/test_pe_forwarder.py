"""DLLs that hand every symbol on to another."""

from pathlib import Path

import pefile
import pytest

from sealift.binary.pe import exported, read_pe
from sealift.binary.pe_forwarder import MACHINES, forwarder
from sealift.binary.view import View

NAMES = ["Py_None", "PyLong_FromLong", "_Py_Dealloc", "PyLong_FromLong"]


@pytest.mark.parametrize("arch", MACHINES)
def test_it_is_a_dll_that_leads_to_another(arch: str, tmp_path: Path) -> None:
    path = tmp_path / "python3.dll"
    path.write_bytes(forwarder("python3.dll", "python313.dll", NAMES, arch=arch))
    facts = read_pe(path)
    assert facts
    assert facts.runs_on(arch)
    assert (facts.is_dll, facts.name, facts.forwards) == (True, "python3.dll", ("python313.dll",))
    assert (facts.imports, facts.has_aslr, facts.has_nx) == ((), True, True)
    assert (facts.is_checksum_right, facts.is_truncated, facts.overlay) == (True, False, None)


def test_another_reader_finds_each_name_and_where_it_leads() -> None:
    data = forwarder("python3.dll", "python313.dll", NAMES, arch="x86_64")
    read = pefile.PE(data=data)
    found = {it.name.decode(): it.forwarder.decode() for it in read.DIRECTORY_ENTRY_EXPORT.symbols}
    assert found == {name: f"python313.{name}" for name in NAMES}
    assert read.verify_checksum()
    # The loader looks names up by halves.
    names = exported(View(data, "python3.dll"))
    assert list(names) == sorted(set(NAMES))


def test_the_same_names_give_the_same_bytes() -> None:
    one = forwarder("python3.dll", "python313.dll", NAMES, arch="x86_64")
    assert one == forwarder("python3.dll", "python313.dll", reversed(NAMES), arch="x86_64")
    assert one != forwarder("python3.dll", "python312.dll", NAMES, arch="x86_64")


def test_more_names_than_a_page_holds_keep_their_sections_in_order() -> None:
    names = [f"Py_Symbol_{number}" for number in range(2000)]
    read = pefile.PE(data=forwarder("python3.dll", "python313.dll", names, arch="x86_64"))
    assert len(read.DIRECTORY_ENTRY_EXPORT.symbols) == 2000
    first, second = read.sections
    assert second.VirtualAddress >= first.VirtualAddress + first.Misc_VirtualSize
    assert read.OPTIONAL_HEADER.SizeOfImage >= second.VirtualAddress + second.Misc_VirtualSize
