"""What each rule finds, and what it leaves alone."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.tags import parse_tag

from sealift.audit.allowance import Allowance
from sealift.audit.finding import Finding, load_rules
from sealift.audit.inventory import Inventory, WheelInfo, take_inventory
from sealift.audit.natives import Native
from sealift.audit.report import audit, make_report
from sealift.audit.rules import RULES
from sealift.audit.rules.abi3 import libpython, stable_abi
from sealift.audit.rules.externals import externals
from sealift.audit.rules.grafts import grafts
from sealift.audit.rules.hardening import hardening
from sealift.audit.rules.loads import loads
from sealift.audit.rules.machine import machines, page_sizes, suffixes
from sealift.audit.rules.metadata import claims, wheel_metadata
from sealift.audit.rules.names import alike_names
from sealift.audit.rules.search import search_paths
from sealift.audit.rules.startup import code_at_start
from sealift.audit.sources import Load, find_loads
from sealift.audit.subject import Kind
from sealift.audit.verdict import External, Reason, Verdict
from sealift.binary.elf import ElfFacts, Relro
from sealift.binary.macho import Build, Dependency, MachoFacts
from sealift.binary.macho_symbols import Undefined
from sealift.binary.pe import Imported, PeFacts
from tests.support.elf_files import ElfSpec, SymbolSpec, make_elf
from tests.support.inventories import elf, symbol
from tests.support.wheels import plain_files, recorded, write_zip

NOTHING = Verdict(best=None)


def wheel(
    *natives: Native,
    tag: str = "cp312-cp312-linux_x86_64",
    purelib: bool = False,
    texts: Mapping[str, str] | None = None,
    members: Sequence[str] = (),
    loads: Sequence[Load] = (),
) -> Inventory:
    info = WheelInfo(
        name="demo", version="1", tags=parse_tag(tag), dist_info="demo-1.dist-info", purelib=purelib
    )
    return Inventory(
        kind=Kind.WHEEL,
        name="demo",
        path=Path("demo.whl"),
        wheel=info,
        natives=natives,
        members=(*(native.path for native in natives), *members),
        texts=texts or {},
        loads=tuple(loads),
    )


def pe(path: str, **facts: object) -> Native:
    base = PeFacts(
        machine="amd64", bits=64, is_dll=True, subsystem="console", system=(6, 0),
        subsystem_version=(6, 0), linker=(14, 0), imports=("KERNEL32.dll",), has_aslr=True,
        has_relocations=True, has_nx=True, has_cfg=True,
    )  # fmt: skip
    return Native(path=path, size=1, mode=0, facts=replace(base, **facts))  # type: ignore[arg-type]


def macho(path: str, **facts: object) -> Native:
    base = MachoFacts(
        cpu="arm64", bits=64, endian="little", kind="bundle", flags=0x200085,
        builds=(Build(platform="macos", minimum=(11, 0, 0), sdk=None),),
    )  # fmt: skip
    return Native(path=path, size=1, mode=0, facts=replace(base, **facts))  # type: ignore[arg-type]


def asks(name: str) -> Dependency:
    return Dependency(name=name, current=(1, 0, 0), compatible=(1, 0, 0))


def hard(path: str = "x.so", **facts: object) -> Native:
    native = elf(path)
    assert isinstance(native.facts, ElfFacts)
    plain = replace(native.facts, stack_flags=6, relro=Relro.FULL, page_size=0x10000)
    return replace(native, facts=replace(plain, **facts))  # type: ignore[arg-type]


def rules(found: Sequence[Finding]) -> list[str]:
    return [finding.rule for finding in found]


@pytest.mark.parametrize(
    ("native", "rule"),
    [
        (hard(stack_flags=7), "executable-stack"),
        (hard(stack_flags=None), "executable-stack"),
        (hard(has_writable_code=True), "writable-code"),
        (hard(has_text_relocations=True), "text-relocations"),
        (hard(relro=Relro.NONE), "no-relro"),
        (hard(kind="EXEC"), "not-pie"),
        (macho("x", kind="execute", cpu="x86_64", flags=0x85), "not-pie"),
        (macho("x", cpu="x86_64", flags=0x220085), "executable-stack"),
        (macho("x"), "unsigned-macho"),
        (macho("x", cpu="x86_64", signature_problem="it is cut off"), "unsigned-macho"),
        (pe("x.dll", has_aslr=False), "no-aslr"),
        (pe("x.dll", has_relocations=False), "no-aslr"),
        (pe("x.dll", has_nx=False), "executable-data"),
        (pe("x.dll", has_writable_code=True), "writable-code"),
        (pe("x.dll", has_cfg=False), "no-control-flow-guard"),
    ],
)
def test_what_is_not_hardened(native: Native, rule: str) -> None:
    assert rules(list(hardening(wheel(native), NOTHING))) == [rule]


@pytest.mark.parametrize(
    "native",
    [
        hard(),
        hard(kind="REL", stack_flags=None, relro=Relro.NONE),
        hard(is_pie=True),
        hard("libc.so.6", interpreter="/lib64/ld-linux-x86-64.so.2"),
        macho("x", cpu="x86_64"),
        macho("x", kind="object"),
        pe("x.dll"),
        pe("icudt.dll", imports=(), has_relocations=False, has_cfg=False),
    ],
)
def test_what_is_hardened_enough(native: Native) -> None:
    assert list(hardening(wheel(native), NOTHING)) == []


@pytest.mark.parametrize(
    ("native", "rule"),
    [
        (elf("demo/x.so", rpath=["/home/me/build"]), "search-path-leaks"),
        (elf("demo/x.so", runpath=["lib"]), "search-path-unsafe"),
        (elf("demo/x.so", rpath=["$ORIGINAL"]), "search-path-unsafe"),
        (elf("demo/x.so", runpath=["$ORIGIN/../.."]), "search-path-leads-out"),
        (elf("demo/x.so", runpath=["${ORIGIN}/../gone"]), "search-path-leads-nowhere"),
        (macho("demo/x.so", rpaths=("/opt/homebrew/lib",)), "search-path-leaks"),
        (macho("demo/x.so", rpaths=("@loader_path/../gone",)), "search-path-leads-nowhere"),
        (
            macho("x", dependencies=(asks("@rpath/libx.dylib"),)),
            "rpath-missing",
        ),
        (
            macho("x", dependencies=(asks("/usr/local/lib/x"),)),
            "library-by-path",
        ),
    ],
)
def test_search_paths_that_do_harm(native: Native, rule: str) -> None:
    assert rules(list(search_paths(wheel(native), NOTHING))) == [rule]


@pytest.mark.parametrize(
    "native",
    [
        elf("demo/x.so", runpath=["$ORIGIN/../demo.libs", "$ORIGIN", "$ORIGIN/.."]),
        elf("demo/x.so", rpath=["$LIB"]),
        macho("x", dependencies=(asks("/usr/lib/libSystem.B.dylib"),)),
        macho(
            "demo/x",
            rpaths=("@loader_path/../demo.libs",),
            dependencies=(asks("@rpath/liby.dylib"),),
        ),
    ],
)
def test_search_paths_that_do_none(native: Native) -> None:
    assert list(search_paths(wheel(native, members=["demo.libs/liby.so"]), NOTHING)) == []


def test_absolute_search_paths_are_right_in_a_package_of_a_system() -> None:
    native = elf("usr/lib/x.so", runpath=["/usr/lib/demo"])
    package = replace(wheel(native), kind=Kind.DEB, wheel=None)
    assert list(search_paths(package, NOTHING)) == []


LINUX = "cp312-cp312-manylinux_2_17_x86_64"
FAT = "cp312-cp312-macosx_11_0_universal2"
THIN = "cp312-cp312-macosx_11_0_arm64"


@pytest.mark.parametrize(
    ("natives", "tag", "rule"),
    [
        ([elf("x.so", machine="aarch64")], LINUX, "wrong-machine"),
        ([pe("x.dll")], LINUX, "wrong-system"),
        ([elf("x.so")], "py3-none-any", "native-in-pure-wheel"),
        ([macho("x.so", cpu="x86_64")], "cp312-cp312-macosx_11_0_arm64", "wrong-machine"),
        ([macho("x.so")], FAT, "wrong-machine"),
        ([pe("x.pyd", machine="x86")], "cp312-cp312-win_amd64", "wrong-machine"),
    ],
)
def test_files_for_another_machine(natives: Sequence[Native], tag: str, rule: str) -> None:
    assert rules(list(machines(wheel(*natives, tag=tag), NOTHING))) == [rule]


@pytest.mark.parametrize(
    ("natives", "tag"),
    [
        ([elf("x.so")], LINUX),
        ([macho("x.so"), macho("x.so", cpu="x86_64", offset=4096)], FAT),
        ([macho("x.so"), macho("x.so", cpu="x86_64", offset=4096)], THIN),
        ([pe("x.pyd")], "cp312-cp312-win_amd64"),
        ([hard(kind="REL")], "py3-none-any"),
        ([], "py3-none-any"),
    ],
)  # fmt: skip
def test_files_for_the_machine_of_the_tag(natives: Sequence[Native], tag: str) -> None:
    assert list(machines(wheel(*natives, tag=tag), NOTHING)) == []


def test_native_files_in_purelib() -> None:
    found = machines(wheel(elf("x.so"), tag=LINUX, purelib=True), NOTHING)
    assert rules(list(found)) == ["native-in-purelib"]


@pytest.mark.parametrize(
    ("name", "tag", "fits"),
    [
        ("x.cpython-312-x86_64-linux-gnu.so", LINUX, True),
        ("x.cpython-313-x86_64-linux-gnu.so", LINUX, False),
        ("x.cpython-312-aarch64-linux-gnu.so", LINUX, False),
        ("x.cpython-312-darwin.so", LINUX, False),
        ("x.cpython-312-x86_64-linux-musl.so", LINUX, False),
        ("x.cpython-312-x86_64-linux-gnu.so", "cp312-cp312-musllinux_1_2_x86_64", True),
        ("x.cpython-313t-x86_64-linux-gnu.so", "cp313-cp313t-manylinux_2_17_x86_64", True),
        ("x.cpython-313t-x86_64-linux-gnu.so", "cp313-cp313-manylinux_2_17_x86_64", False),
        ("x.cpython-38-x86_64-linux-gnu.so", "cp38-cp38-manylinux1_x86_64", True),
        ("x.cpython-37m-x86_64-linux-gnu.so", "cp37-cp37m-manylinux1_x86_64", True),
        ("x.cp312-win_amd64.pyd", "cp312-cp312-win_amd64", True),
        ("x.cp312-win32.pyd", "cp312-cp312-win_amd64", False),
        ("x.pypy311-pp73-x86_64-linux-gnu.so", "pp311-pypy311_pp73-manylinux_2_17_x86_64", True),
        ("x.abi3.so", LINUX, True),
        ("x.abi3.so", "cp39-abi3-manylinux_2_17_x86_64", True),
        ("x.abi3.so", "cp315-abi3t-manylinux_2_17_x86_64", False),
        ("x.abi3.so", "cp315-abi3.abi3t-manylinux_2_17_x86_64", True),
        ("x.abi3.so", "cp313-cp313t-manylinux_2_17_x86_64", True),
        ("x.abi3.so", "cp315-cp315t-manylinux_2_17_x86_64", False),
        ("x.abi3t.so", "cp315-abi3.abi3t-manylinux_2_17_x86_64", True),
        ("x.abi3t.so", "cp315-cp315-manylinux_2_17_x86_64", True),
        ("x.abi3t.so", LINUX, False),
        ("libx.so.1", LINUX, True),
        ("x.so", LINUX, True),
        ("x.cpython-312-powerpc64le-linux-gnu.so", "cp312-cp312-manylinux_2_17_ppc64le", True),
        ("x.cpython-312-i386-linux-gnu.so", "cp312-cp312-manylinux_2_17_i686", True),
        ("x.cpython-312-arm-linux-gnueabihf.so", "cp312-cp312-manylinux_2_31_armv7l", True),
        ("x.cpython-313-aarch64-linux-android.so", "cp313-cp313-android_24_arm64_v8a", True),
    ],
)
def test_suffixes(name: str, tag: str, fits: bool) -> None:  # noqa: FBT001
    found = list(suffixes(wheel(elf(f"demo/{name}"), tag=tag), NOTHING))
    assert rules(found) == ([] if fits else ["wrong-suffix"])


@pytest.mark.parametrize(
    ("machine", "size", "libc", "fits"),
    [
        ("aarch64", 0x1000, "libc.so.6", False),
        ("aarch64", 0x10000, "libc.so.6", True),
        ("x86_64", 0x1000, "libc.so.6", True),
    ],
)
def test_page_sizes(machine: str, size: int, libc: str, fits: bool) -> None:  # noqa: FBT001
    native = hard(machine=machine, page_size=size, needed=(libc,))
    assert (list(page_sizes(wheel(native), NOTHING)) == []) is fits


def module(name: str, *asked: str, weak: str = "PyWeak_Gone") -> Native:
    symbols = [symbol(it) for it in asked] + [symbol(weak, is_weak=True)]
    return elf(f"demo/{name}", symbols=symbols)


ABI3 = "cp39-abi3-manylinux_2_17_x86_64"


@pytest.mark.parametrize(
    ("native", "tag", "found"),
    [
        (module("x.abi3.so", "PyList_New", "malloc"), ABI3, []),
        (module("x.abi3.so", "_PyDict_Gone"), ABI3, ["abi3-outside"]),
        (module("x.abi3.so", "PyType_GetModuleByDef"), ABI3, ["abi3-too-new"]),
        (module("x.so", "PyUnicode_InternFromStringX"), ABI3, ["abi3-outside"]),
        (module("x.cpython-39-x86_64-linux-gnu.so", "_PyDict_Gone"), ABI3, []),
        (module("libx.so", "helper"), ABI3, []),
        (module("x.abi3.so", "_PyDict_Gone"), LINUX, ["abi3-outside"]),
        (module("x.abi3t.so", "PyModule_Create2"), "cp315-abi3t-linux_x86_64", ["abi3-outside"]),
        (module("x.abi3t.so", "PyList_New"), "cp315-abi3t-linux_x86_64", []),
        (module("x.abi3t.so", "PyModule_FromSlotsAndSpec"), "cp39-abi3t-linux_x86_64", []),
        (module("x.so", "PyModule_Create2"), "cp315-abi3.abi3t-linux_x86_64", ["abi3-outside"]),
        (module("x.abi3.so", "PyModule_Create2"), "cp315-abi3.abi3t-linux_x86_64", []),
        (pe("x.pyd", imports=("python39.dll",)), "cp39-abi3-win_amd64", []),
        (pe("x.abi3.pyd", imports=("python39.dll",)), ABI3, ["abi3-outside"]),
        (pe("x.abi3.pyd", imports=("python3.dll",)), ABI3, []),
    ],
)
def test_the_stable_abi(native: Native, tag: str, found: list[str]) -> None:
    assert rules(list(stable_abi(wheel(native, tag=tag), NOTHING))) == found


def test_the_stable_abi_of_files_for_macos_and_windows() -> None:
    apple = replace(macho("x.abi3.so"), undefined=(Undefined("__PyDict_Gone", None),))
    windows = replace(pe("x.pyd"), undefined=(Imported("python3.dll", "_PyDict_Gone"),))
    for native in (apple, windows):
        (finding,) = stable_abi(wheel(native, tag="cp39-abi3-win_amd64"), NOTHING)
        assert finding.details == {"symbols": ["_PyDict_Gone"]}


def test_extensions_that_are_linked_to_libpython() -> None:
    natives = (elf("x.so", needed=["libpython3.12.so.1.0"]), elf("y.so", needed=["libc.so.6"]))
    assert [finding.file for finding in libpython(wheel(*natives), NOTHING)] == ["x.so"]


SOURCE = b"""
import ctypes, ctypes.util
from ctypes import cdll
ctypes.CDLL("libdemo.so.1")
cdll.LoadLibrary(name)
lib = ctypes.CDLL(ctypes.util.find_library('demo'))
ffi.dlopen(r"demo.dll")
"""


def test_what_sources_load_by_name() -> None:
    found = [(load.line, load.call, load.name) for load in find_loads("x.py", SOURCE)]
    assert found == [
        (4, "CDLL", "libdemo.so.1"),
        (7, "dlopen", "demo.dll"),
        (6, "find_library", "demo"),
    ]


@pytest.mark.parametrize("source", [b"CDLL('x'", b"\0CDLL('x')", b"CDLL('x')" + b"(" * 9999])
def test_sources_that_do_not_parse_load_nothing(source: bytes) -> None:
    assert find_loads("x.py", source) == ()


def test_loads_by_name_of_a_library_that_was_renamed() -> None:
    load = Load(file="demo/x.py", line=4, call="CDLL", name="libdemo.so.1")
    inventory = wheel(members=["demo.libs/libdemo-0a1b2c3d.so.1.2"], loads=[load])
    (finding,) = loads(inventory, NOTHING)
    assert finding.rule == "loads-renamed-library"
    assert "libdemo-0a1b2c3d.so.1.2" in finding.message


def test_loads_by_name_of_a_library_that_is_here_or_not() -> None:
    here = Load(file="x.py", line=1, call="CDLL", name="libdemo.so")
    away = Load(file="x.py", line=2, call="CDLL", name="libother.so")
    libc = Load(file="x.py", line=3, call="CDLL", name="libc.so.6")
    inventory = wheel(members=["demo/libdemo.so"], loads=[here, away, libc])
    messages = [finding.message for finding in loads(inventory, NOTHING)]
    assert [message.rpartition(", ")[2] for message in messages] == [
        "which is here",
        "from outside",
    ]


def test_names_in_a_native_file_that_can_load(tmp_path: Path) -> None:
    strings = b"\0libextra.so.2\0/usr/lib/libfar.so\0xlibnot.so\0lib%s.so\0"
    for symbols, expected in (
        ([SymbolSpec("dlopen")], ("libextra.so.2", "/usr/lib/libfar.so")),
        ([SymbolSpec("fopen")], ()),
    ):
        path = tmp_path / "x.so"
        path.write_bytes(make_elf(ElfSpec(symbols=symbols, tail=strings)))
        (native,) = take_inventory(path).natives
        assert native.loads == expected


def test_names_of_what_a_file_is_linked_to_are_not_loaded() -> None:
    native = replace(
        elf("x.so", needed=["libextra-0a1b2c3d.so.2"]), loads=("libextra.so.2", "libmore.so")
    )
    assert [f.details["library"] for f in loads(wheel(native), NOTHING)] == ["libmore.so"]


@pytest.mark.parametrize("folder", ["demo.libs", "demo/.libs", "demo/.dylibs", "demo.dylibs"])
def test_grafted_libraries_without_papers(folder: str) -> None:
    library = elf(f"{folder}/libz-0a1b2c3d.so.1")
    bare = wheel(elf("x.so"), library)
    assert rules(list(grafts(bare, NOTHING))) == ["graft-without-sbom", "graft-without-licence"]
    sbom = '{"components": [{"name": "demo"}, {"name": "zlib"}]}'
    info = "demo-1.dist-info"
    papers = {f"{info}/sboms/x.cdx.json": sbom, f"{info}/licenses/LICENSE": "zlib is free."}
    assert list(grafts(replace(bare, texts=papers), NOTHING)) == []
    for broken in ("[]", "{", '{"components": 3}', '{"components": [{}]}'):
        texts = {**papers, f"{info}/sboms/x.cdx.json": broken}
        assert rules(list(grafts(replace(bare, texts=texts), NOTHING))) == ["graft-without-sbom"]


def test_code_that_runs_at_start() -> None:
    text = "\ufeffimport os; print()\n# import x\n../path\nimport\tsys\n"
    texts = {"demo.pth": text, "demo/not.pth": text, "demo-1.data/purelib/x.start": "# no\na:b\n"}
    found = [
        (f.rule, f.file, f.details["line"]) for f in code_at_start(wheel(texts=texts), NOTHING)
    ]
    assert found == [
        ("startup-code", "demo.pth", 1),
        ("startup-code", "demo.pth", 4),
        ("startup-call", "demo-1.data/purelib/x.start", 2),
    ]


def test_a_claim_that_is_not_kept_has_its_reasons_once() -> None:
    reason = Reason(text="asks for x", file="x.so", library="libc.so.6", symbol="x@GLIBC_2.28")
    verdict = Verdict(
        best="manylinux_2_28_x86_64",
        claimed=("manylinux2014_x86_64", "manylinux_2_17_x86_64"),
        obstacles={"manylinux_2_17_x86_64": (reason,)},
    )
    (finding,) = claims(wheel(elf("x.so"), tag=LINUX), verdict)
    assert (finding.rule, finding.file) == ("tag-not-kept", "x.so")
    assert finding.details["symbol"] == "x@GLIBC_2.28"


def test_claims_that_are_kept() -> None:
    kept = Verdict(best="manylinux_2_5_x86_64", claimed=("manylinux_2_17_x86_64",))
    assert list(claims(wheel(elf("x.so"), tag=LINUX), kept)) == []
    static = hard(needed=(), interpreter=None, kind="EXEC")
    musl = replace(kept, claimed=("musllinux_1_1_x86_64",))
    assert list(claims(wheel(static), musl)) == []
    assert rules(list(claims(wheel(elf("x.so")), musl))) == ["tag-not-kept"]
    plain = replace(kept, claimed=("linux_x86_64",))
    assert rules(list(claims(wheel(elf("x.so")), plain))) == ["plain-linux-tag"]


def test_libraries_that_nobody_promises() -> None:
    promised = External(library="libz.so.1", needed_by=("x.so",), promised_by=("manylinux_2_17",))
    missing = External(library="libfoo.so.1", needed_by=("x.so", "y.so", "z.so", "a.so"))
    verdict = Verdict(best="linux_x86_64", externals=(promised, missing))
    (finding,) = externals(wheel(), verdict)
    assert finding.details["library"] == "libfoo.so.1"
    assert finding.message.endswith("no platform tag promises; so do y.so, z.so and 1 more")
    assert finding.file == "x.so"


def test_a_wheel_file_of_other_tags(tmp_path: Path) -> None:
    path = write_zip(
        tmp_path / "demo-1.0-py2-none-any.whl", recorded(plain_files(), "demo-1.0.dist-info")
    )
    found = wheel_metadata(take_inventory(path), NOTHING)
    assert rules(list(found)) == ["wheel-tags-differ"]


INFO = "demo-1.0.dist-info"


def record_line(
    name: str, data: bytes, *, algorithm: str = "sha256", size: int | None = None
) -> str:
    digest = base64.urlsafe_b64encode(hashlib.new(algorithm, data).digest()).rstrip(b"=").decode()
    return f"{name},{algorithm}={digest},{len(data) if size is None else size}"


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("", "record-unlisted-file"),
        (record_line("demo.py", b"other"), "record-wrong-hash"),
        (record_line("demo.py", b"x = 1\n", size=9), "record-wrong-size"),
        (record_line("demo.py", b"x = 1\n", algorithm="md5"), "record-weak-hash"),
        ("demo.py,,", "record-weak-hash"),
        (record_line("demo.py", b"x = 1\n") + "\ngone.py,sha256=x,1", "record-absent-file"),
        (record_line("demo.py", b"x = 1\n") + "\na,b,c,d", "record-damaged"),
    ],
)
def test_a_record_that_lies(line: str, rule: str, tmp_path: Path) -> None:
    files = plain_files()
    rows = [record_line(name, data) for name, data in files.items() if name != "demo.py"]
    files[f"{INFO}/RECORD"] = "\n".join([line, *rows, f"{INFO}/RECORD,,"]).encode()
    path = write_zip(tmp_path / "demo-1.0-py3-none-any.whl", files)
    assert rules(take_inventory(path).problems) == [rule]


def test_a_record_that_is_missing(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "demo-1.0-py3-none-any.whl", plain_files())
    assert rules(take_inventory(path).problems) == ["record-missing"]


def test_an_honest_wheel_has_no_findings(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "demo-1.0-py3-none-any.whl", recorded(plain_files(), INFO))
    report = audit(path)
    assert report.findings == ()
    assert report.verdict.best == "any"


def test_findings_come_worst_first_and_all_rules_are_described() -> None:
    natives = (hard(stack_flags=7, relro=Relro.NONE), elf("y.so", rpath=["/build"]))
    report = make_report(wheel(*natives, tag=LINUX), Allowance())
    severities = [finding.severity.value for finding in report.findings]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert {finding.rule for finding in report.findings} <= set(load_rules())


def test_every_rule_in_the_code_has_a_page() -> None:
    folder = Path(RULES[0].__code__.co_filename).parents[1]
    code = "\n".join(path.read_text() for path in sorted(folder.rglob("*.py")))
    named = set(re.findall(r'(?:rule=|_finding\(\s*|_note\((?:subject, )?)"([a-z0-9-]+)"', code))
    assert named <= set(load_rules())
    unused = {name for name in load_rules() if f'"{name}"' not in code}
    assert unused == set()


def test_files_for_other_machines_that_nothing_loads() -> None:
    own, helper = pe("x.pyd"), pe("helper_x86.exe", machine="x86")
    linked = pe("y.pyd", imports=("HELPER.dll",))
    windows = "cp312-cp312-win_amd64"
    (finding,) = machines(wheel(own, helper, tag=windows), NOTHING)
    assert (finding.rule, finding.file) == ("foreign-file", "helper_x86.exe")
    needed = pe("helper.dll", machine="x86")
    assert rules(list(machines(wheel(linked, needed, tag=windows), NOTHING))) == ["wrong-machine"]
    module = pe("z.cp312-win32.pyd", machine="x86")
    assert rules(list(machines(wheel(own, module, tag=windows), NOTHING))) == ["wrong-machine"]
    foreign = [elf("x.so"), pe("x.dll")]
    assert rules(list(machines(wheel(*foreign, tag=LINUX), NOTHING))) == ["foreign-file"]


def test_what_cannot_be_read_runs_nowhere(tmp_path: Path) -> None:
    (tmp_path / "odd-1-py3-none-any.whl").write_bytes(b"no wheel")
    assert audit(tmp_path / "odd-1-py3-none-any.whl").verdict.best is None
    (tmp_path / "empty").mkdir()
    assert audit(tmp_path / "empty").verdict.best is None
    (tmp_path / "empty" / "text.py").write_bytes(b"")
    assert audit(tmp_path / "empty").verdict.best == "any"


def test_the_stable_abi_and_what_other_libraries_bring() -> None:
    names = {"_PyDict_Gone": "libshiboken6.dylib", "_PyList_Gone": "/Library/X/Python"}
    slices = [
        replace(
            macho("x.abi3.so", cpu=cpu),
            undefined=tuple(Undefined(f"_{name}", library) for name, library in names.items()),
        )
        for cpu in ("arm64", "x86_64")
    ]
    (finding,) = stable_abi(wheel(*slices, tag="cp39-abi3-macosx_11_0_universal2"), NOTHING)
    assert finding.details["symbols"] == ["_PyList_Gone"]
    dlls = (Imported("shiboken6.dll", "PyRun_Gone"), Imported("python3.dll", "PyList_New"))
    windows = replace(pe("x.pyd"), undefined=dlls)
    assert not list(stable_abi(wheel(windows, tag="cp39-abi3-win_amd64"), NOTHING))
    native = module("x.abi3.so", "PyRun_Gone")
    outside = External(library="libshiboken6.so", needed_by=(native.path,))
    verdict = replace(NOTHING, externals=(outside,))
    assert rules(list(stable_abi(wheel(native, tag=ABI3), verdict))) == ["abi3-perhaps-outside"]
    known = replace(outside, promised_by=("manylinux_2_17_x86_64",))
    verdict = replace(NOTHING, externals=(known,))
    assert rules(list(stable_abi(wheel(native, tag=ABI3), verdict))) == ["abi3-outside"]


def test_a_fat_file_is_told_of_once() -> None:
    slices = [macho("x.so", cpu=cpu, rpaths=("/Users/me/lib",)) for cpu in ("arm64", "x86_64")]
    found = search_paths(wheel(*slices, tag=FAT), NOTHING)
    assert rules(list(found)) == ["search-path-leaks"]


def test_a_module_for_one_python_in_a_wheel_for_all_later_ones() -> None:
    one, other = (elf(f"demo/x.cpython-3{n}-x86_64-linux-gnu.so") for n in (9, 10))
    assert rules(list(suffixes(wheel(one, tag=ABI3), NOTHING))) == ["wrong-suffix"]
    for more in (other, elf("demo/x.abi3.so")):
        assert list(suffixes(wheel(one, more, tag=ABI3), NOTHING)) == []


def test_names_that_some_systems_take_for_one() -> None:
    names = ("demo/a.py", "demo/A.py", "demo/\u00e9.py", "demo/e\u0301.py", "demo/b.py")
    found = list(alike_names(wheel(members=names), NOTHING))
    assert [finding.file for finding in found] == ["demo/A.py", "demo/e\u0301.py"]
    assert list(alike_names(replace(wheel(members=names), kind=Kind.DEB), NOTHING)) == []


def test_a_subject_of_no_files(tmp_path: Path) -> None:
    assert rules(list(audit(tmp_path).findings)) == ["nothing-in-it"]
    (tmp_path / "odd.whl").write_bytes(b"no wheel")
    assert "nothing-in-it" not in rules(list(audit(tmp_path / "odd.whl").findings))
