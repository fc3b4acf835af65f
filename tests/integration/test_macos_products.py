"""Products for macOS: nothing can be started here, so they are read, by several readers."""

import hashlib
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from macholib.MachO import MachO  # type: ignore[import-untyped]

from sealift.apple.entitlements import EXECUTABLE_MEMORY
from sealift.archive import extract_tar
from sealift.binary.macho import read_macho
from sealift.binary.macho_verify import verify_signature
from sealift.interpreter import Interpreter
from sealift.launcher import compile as compiling
from sealift.launcher.machines import by_machine
from sealift.target import load_targets
from tests.support.command import demo_project, sealift
from tests.support.developer_id import PASSWORD, TEAM, make_authority, timestamping
from tests.support.examples import EXAMPLES
from tests.support.image_reader import Payload, read_payload
from tests.support.interpreters import shared_interpreter
from tests.support.macho_pages import check_layout, check_pages, slices
from tests.support.tools import require_namespaces, require_tool

pytestmark = [pytest.mark.network, pytest.mark.slow]

SCRIPT = EXAMPLES / "script" / "columns.py"
BOTH, APPLE, INTEL = "macos-universal2", "macos-arm64", "macos-x86_64"
CPUS = {BOTH: {"X86_64", "ARM64"}, APPLE: {"ARM64"}, INTEL: {"X86_64"}}
LIBRARY = "lib/libpython3.13.dylib"


@dataclass(frozen=True)
class Built:
    """One example for one target in all formats with a launcher."""

    target: str
    onefile: Path
    folder: Path
    archive: Path

    @property
    def programs(self) -> tuple[Path, ...]:
        return self.onefile, self.folder / "columns", self.folder / "bin" / "python3.13"


def made(target: str, folder: Path) -> Built:
    outcome = sealift(
        "build", SCRIPT, "-t", target, "--python", "3.13", "--out", folder, "--json",
        "-f", "onefile", "-f", "dir", "-f", "tar", cwd=folder,
    )  # fmt: skip
    assert outcome.status == 0, outcome.out + outcome.err
    paths = {str(one["format"]): folder / str(one["path"]) for one in outcome.result}
    return Built(target, paths["onefile"], paths["dir"], paths["tar"])


@pytest.fixture(scope="module", params=[BOTH, APPLE])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    return made(request.param, tmp_path_factory.mktemp("macos"))


def payload_of(built: Built) -> Payload:
    """The payload of the only slice that has one, by the second reader."""
    (found,) = (
        one.content[one.carried[0] : sum(one.carried)]
        for one in slices(built.onefile).values()
        if one.carried
    )
    (size,) = struct.unpack_from("<Q", found, 24)
    assert len(found) - size < 0x4000
    assert found[size:].strip(b"\0") == b""
    return read_payload(found[:size])


def test_programs_lie_as_macos_asks(built: Built) -> None:
    for program in built.programs:
        found = slices(program)
        assert set(found) == CPUS[built.target]
        is_fat = program.read_bytes()[:4] == b"\xca\xfe\xba\xbe"
        assert is_fat == (built.target == BOTH)
        for one in found.values():
            check_layout(one)
            assert one.binary.header.file_type.name == "EXECUTE"
        MachO(str(program))
        done = subprocess.run(
            [require_tool("llvm-objdump"), "--macho", "--private-headers", program],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert program.stat().st_mode & 0o111 == 0o111


def test_every_page_is_signed_in_each_slice(built: Built) -> None:
    for program, identifier in zip(
        built.programs, ("app.columns", "python3.13", "python3.13"), strict=True
    ):
        for one in slices(program).values():
            assert check_pages(one)[0] == identifier
        assert all(check.fits for check in verify_signature(program.read_bytes()))


def test_one_slice_has_the_payload_and_the_other_stays_small(built: Built) -> None:
    sizes = {cpu: len(one.content) for cpu, one in slices(built.onefile).items()}
    assert sizes.pop("ARM64") > 10_000_000
    assert all(size < 250_000 for size in sizes.values())


def test_a_changed_byte_of_the_payload_breaks_the_signature(built: Built) -> None:
    data = bytearray(built.onefile.read_bytes())
    data[len(data) // 2] ^= 1
    broken = [check for check in verify_signature(bytes(data)) if not check.fits]
    assert [check.cpu for check in broken] == ["arm64"]
    assert len(broken[0].problems) == 1


def test_programs_ask_for_the_system_alone_and_run_on_old_ones(built: Built) -> None:
    oldest = {"x86_64": (10, 13, 0), "arm64": (11, 0, 0)}
    for program in built.programs:
        for facts in read_macho(program) or ():
            assert [library.name for library in facts.dependencies] == [
                "/usr/lib/libSystem.B.dylib"
            ]
            assert facts.minimum == oldest[facts.cpu]
            assert (facts.rpaths, facts.is_pie) == ((), True)
        data = program.read_bytes()
        for word in (os.fsencode(Path.home()), b"ziglang", b".pyenv"):
            assert word not in data


def test_the_payload_is_the_folder(built: Built) -> None:
    payload = payload_of(built)
    assert payload.names == ("columns", "0", "3.13", LIBRARY)
    files = {file.path: (file.mode, file.content) for file in payload.files}
    on_disk = {path.relative_to(built.folder).as_posix(): path for path in files_in(built.folder)}
    assert set(on_disk) == {*files, "columns"}
    for path, (mode, content) in files.items():
        assert on_disk[path].stat().st_mode & 0o777 == mode, path
        assert on_disk[path].read_bytes() == content, path
    assert files["bin/python3.13"][0] == 0o755
    assert set(files) >= {"image.sealift", LIBRARY, "sbom.cdx.json"}


def files_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def test_the_archive_is_the_folder(built: Built, tmp_path: Path) -> None:
    extract_tar(built.archive, tmp_path / "tar", strip=1)
    wanted = {path.relative_to(built.folder): path.read_bytes() for path in files_in(built.folder)}
    found = {path.relative_to(tmp_path / "tar"): path for path in files_in(tmp_path / "tar")}
    assert set(found) == set(wanted)
    assert all(found[path].read_bytes() == content for path, content in wanted.items())


def test_all_native_files_are_for_the_target_and_signed(built: Built) -> None:
    cpus = {"X86_64": "x86_64", "ARM64": "arm64"}
    for path in files_in(built.folder):
        facts = read_macho(path)
        if facts:
            assert {one.cpu for one in facts} == {cpus[cpu] for cpu in CPUS[built.target]}, path
            assert all(check.fits for check in verify_signature(path.read_bytes())), path


def interpreter_for(target: str) -> Interpreter:
    """As the launcher's sources are told, but for this machine's compiler."""
    return replace(
        shared_interpreter(), library=LIBRARY, stdlib="lib/python3.13",
        target=replace(shared_interpreter().target, floor=None), key=target,
    )  # fmt: skip


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The launcher's own code that reads a Mach-O file and makes a tree, compiled for here."""
    interpreter = interpreter_for(BOTH)
    zstd = compiling._zstd_sources()
    left_out = {"carrier_end", "memory", "needed", "posix_main", "posix_root"}
    left_out |= {"main", "start", "module", "python"}
    sources = [source for source in compiling.c_sources("linux") if source.stem not in left_out]
    folder = Path(compiling.__file__).parent
    out = tmp_path_factory.mktemp("reader") / "reader"
    subprocess.run(
        [
            require_tool("cc"), *compiling.c_flags(interpreter), "-O1", "-DZSTD_DISABLE_ASM",
            *compiling._ZSTD_FLAGS, f"-I{zstd}", f"-I{folder}",
            "-isystem", str(interpreter.headers), *sources,
            folder / "carrier_macho.c", folder / "no_memory.c",
            Path(__file__).parents[1] / "support" / "carried.c",
            *(zstd / "decompress" / f"{name}.c" for name in compiling._ZSTD_DECOMPRESS),
            *(zstd / "common" / f"{name}.c" for name in compiling._ZSTD_COMMON),
            "-o", out, "-ldl",
        ],
        check=True,
    )  # fmt: skip
    return out


def read(reader: Path, file: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [reader, file], env={"SEALIFT_CACHE_DIR": str(cache)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_the_launcher_s_code_makes_the_tree_of_the_payload(
    built: Built, reader: Path, tmp_path: Path
) -> None:
    first = read(reader, built.onefile, tmp_path)
    assert (first.returncode, first.stderr) == (0, "")
    root = Path(first.stdout)
    wanted = {path.relative_to(built.folder): path for path in files_in(built.folder)}
    del wanted[Path("columns")]
    found = {path.relative_to(root): path for path in files_in(root)}
    assert set(found) == {*wanted, Path(".stamp")}
    for path, source in wanted.items():
        assert digest(found[path]) == digest(source)
        assert found[path].stat().st_mode == source.stat().st_mode
    # Python in the tree is a file like all others: harmed, it is written again out of the frames.
    (root / "bin" / "python3.13").write_bytes(b"harm")
    again = read(reader, built.onefile, tmp_path)
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert digest(root / "bin" / "python3.13") == digest(built.folder / "bin" / "python3.13")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_launcher_s_code_refuses_what_is_damaged(
    built: Built, reader: Path, tmp_path: Path
) -> None:
    data = built.onefile.read_bytes()
    carrier = slices(built.onefile)["ARM64"]
    assert carrier.carried
    start, size = carrier.offset + carrier.carried[0], carrier.carried[1]
    copy = tmp_path / "copy"

    def said(changed: bytes) -> str:
        copy.write_bytes(changed)
        return read(reader, copy, tmp_path / "cache").stderr

    assert "it has no payload" in said(data[:start] + bytes(8) + data[start + 8 :])
    assert "it has no payload" in said(data[: start + 4096])
    assert "it has no payload" in said(data[:100])
    middle = start + size // 2
    harmed = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    assert "this file is damaged" in said(harmed)


NOEXEC = """
mount -t tmpfs x /mnt && cp "$0" /mnt/reader && cp "$1" /mnt/columns || exit 1
for place in /var/tmp /dev/shm /tmp; do
    mount -t tmpfs -o noexec,mode=1777 x $place || exit 1
done
export HOME=/tmp/home; mkdir /tmp/home
exec /mnt/reader /mnt/columns"""


def test_places_that_forbid_to_execute_are_all_told(built: Built, reader: Path) -> None:
    """Nothing is loaded from memory on a Mac."""
    require_namespaces()
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", NOEXEC, reader,
         built.onefile],
        env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    refusal = "programs and libraries in it may not be executed"
    first, *places, hint = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (71, "")
    assert first.endswith("it found no place for its files")
    assert places == [
        f"  {place}: {refusal}" for place in ("/tmp/home/.cache", "/var/tmp", "/tmp", "/dev/shm")
    ]
    assert "SEALIFT_CACHE_DIR" in hint


def test_two_builds_are_the_same_bytes(built: Built, tmp_path: Path) -> None:
    again = made(built.target, tmp_path)
    assert again.onefile.read_bytes() == built.onefile.read_bytes()
    assert again.archive.read_bytes() == built.archive.read_bytes()


def test_an_audit_looks_into_it(built: Built) -> None:
    outcome = sealift("audit", built.onefile, "--json", cwd=built.folder)
    assert outcome.status == 0, outcome.out + outcome.err
    assert '"product"' in outcome.out
    assert LIBRARY in outcome.out
    tag = {BOTH: "macosx_10_13_universal2", APPLE: "macosx_11_0_arm64"}[built.target]
    assert tag in outcome.out


SIGNING = """
[tool.sealift.signing.macos]
certificate = "own.p12"
password-variable = "OWN_PASSWORD"
timestamp = "{url}"
"""


def test_a_certificate_vouches_for_each_slice(tmp_path: Path) -> None:
    require_tool("openssl")
    authority = make_authority(tmp_path)
    project = demo_project(tmp_path / "project")
    own = authority.identity(authority.application).certificate.read_bytes()
    (project / "own.p12").write_bytes(own)
    with timestamping(authority) as url:
        with (project / "pyproject.toml").open("a") as file:
            file.write(SIGNING.format(url=url))
        outcome = sealift(
            "build", ".", "-t", BOTH, "--python", "3.13", "-f", "onefile", "-f", "dir", "--json",
            cwd=project, OWN_PASSWORD=PASSWORD,
        )  # fmt: skip
    assert outcome.status == 0, outcome.out + outcome.err
    assert "ad hoc" not in outcome.out
    (path,) = (project / one["path"] for one in outcome.result if one["format"] == "onefile")
    checks = verify_signature(path.read_bytes())
    assert [(check.cpu, check.problems) for check in checks] == [("x86_64", ()), ("arm64", ())]
    for check in checks:
        assert check.signature
        assert check.voucher
        assert (check.signature.is_adhoc, check.signature.team) == (False, TEAM)
        assert check.voucher.is_timestamped
    assert path.read_bytes().count(EXECUTABLE_MEMORY.encode()) == 4  # twice in each slice


def test_a_name_that_the_tree_has_is_refused(tmp_path: Path) -> None:
    shutil.copy2(SCRIPT, tmp_path / "columns.py")
    outcome = sealift(
        "build", "columns.py", "--name", "lib", "-t", APPLE, "--python", "3.13", "-f", "dir",
        cwd=tmp_path,
    )  # fmt: skip
    assert outcome.status != 0
    assert "the folder has 'lib' for itself" in outcome.err


@pytest.mark.parametrize("target", [APPLE, INTEL])
def test_zig_has_nothing_to_warn_of(target: str, tmp_path: Path) -> None:
    row = load_targets()[target]
    interpreter = replace(interpreter_for(target), target=row, headers=None)
    (interpreter,) = by_machine(interpreter)
    zig = compiling._zig(row)
    flags = [*compiling.c_flags(interpreter), f"-I{compiling._zstd_sources()}"]
    for source in compiling.c_sources("macos"):
        done = subprocess.run(
            [*zig.command, *flags, "-Wall", "-Wextra", "-Wshadow", "-Werror",
             "-isystem", str(interpreter.headers), "-c", str(source), "-o", tmp_path / "object"],
            env=zig.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
