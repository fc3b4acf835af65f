"""Signing of a bundle, inside out: its libraries, its seal, then the program that has that."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sealift.apple.codesign import CodeSigner, directories_of, identifier_of, is_code
from sealift.apple.message_check import Voucher
from sealift.apple.property_list import read_table
from sealift.apple.resources import (
    NestedCode,
    bundle_paths,
    code_resources,
    is_nested,
    seal_problems,
    sealed_files,
)
from sealift.binary.macho_signature import PLIST_SLOT, RESOURCES_SLOT
from sealift.binary.macho_verify import verify_signature
from sealift.binary.writing import write_whole
from sealift.errors import BinaryFormatError

SEAL = "_CodeSignature/CodeResources"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """An application's folder: ``program`` is the path of its executable below ``contents``."""

    folder: Path
    contents: Path
    identifier: str
    program: str

    @property
    def plist(self) -> bytes:
        return (self.contents / "Info.plist").read_bytes()

    @property
    def programs(self) -> Sequence[str]:
        """Paths below ``contents`` of all Mach-O files that can be signed on their own."""
        return [path for path in bundle_paths(self.contents) if is_code(self.contents / path)]


def read_bundle(folder: Path) -> Bundle:
    """The bundle at ``folder``; raises :class:`BinaryFormatError` when it is none."""
    contents = folder / "Contents"
    try:
        told = read_table((contents / "Info.plist").read_bytes(), "Info.plist")
    except (OSError, BinaryFormatError) as problem:
        raise _unnamed(folder) from problem
    identifier, program = told.get("CFBundleIdentifier"), told.get("CFBundleExecutable")
    # A path would lead out of the folder, to a file that is signed in its place.
    if not isinstance(identifier, str) or not isinstance(program, str) or "/" in program:
        raise _unnamed(folder)
    return Bundle(
        folder=folder, contents=contents, identifier=identifier, program=f"MacOS/{program}"
    )


def _unnamed(folder: Path) -> BinaryFormatError:
    return BinaryFormatError(
        f"cannot use {folder} as an application: it has no Info.plist with what it is called"
    )


def sign_bundle(folder: Path, signer: CodeSigner, *, signed: str | None = None) -> None:
    """Sign the application at ``folder`` as ``signer`` does.

    What lies below ``signed``, as paths in the bundle begin, has been signed before.

    Applications among its resources are signed first, as applications.  Every Mach-O file gets a
    signature of its own, wherever it lies; code that is nested is sealed by that signature, other
    files by their bytes.  Programs beside the main one have its entitlements.  Raises as
    :meth:`CodeSigner.sign_file` does, and :class:`BinaryFormatError` for what lies among the code
    and is none.
    """
    bundle = read_bundle(folder)
    within = _applications(bundle.contents)
    for path in within:
        sign_bundle(bundle.contents / path, signer)
    inner = [path for path in bundle.programs if path != bundle.program]
    done = (*(f"{path}/" for path in within), *([signed] if signed else []))
    pending = [path for path in inner if not path.startswith(done)]
    signer.sign_files([bundle.contents / path for path in pending])
    nested = {path: _nested(bundle.contents / path, signer) for path in inner if is_nested(path)}
    paths = [path for path in bundle_paths(bundle.contents) if path != bundle.program]
    for path in paths:
        place = bundle.contents / path
        if path.partition("/")[0] == "MacOS" and path not in nested and not place.is_symlink():
            raise BinaryFormatError(
                f"cannot sign {folder.name}: {path} lies among its code and is none",
                hint="data belongs below Contents/Resources",
            )
    seal = code_resources(bundle.contents, paths, nested)
    place = bundle.contents / SEAL
    place.parent.mkdir(exist_ok=True)
    place.parent.chmod(0o755)  # whatever the umask
    write_whole(place, seal, 0o644)
    signer.sign_file(
        bundle.contents / bundle.program,
        identifier=bundle.identifier,
        plist=bundle.plist,
        resources=seal,
    )


def _applications(contents: Path) -> list[str]:
    """Paths of the applications below ``contents`` that are in no other one."""
    found: list[str] = []
    places = contents.rglob("*.app/Contents/Info.plist")
    for path in sorted(places, key=lambda path: (len(path.parts), path)):
        folder = path.parent.parent
        name = folder.relative_to(contents).as_posix()
        if not name.startswith(tuple(f"{outer}/" for outer in found)) and _has_program(folder):
            found.append(name)
    return found


def _has_program(folder: Path) -> bool:
    """Whether it is an application, and not the pattern of one, say."""
    try:
        bundle = read_bundle(folder)
    except BinaryFormatError:
        return False
    return (bundle.contents / bundle.program).is_file()


def _nested(path: Path, signer: CodeSigner) -> NestedCode:
    data = path.read_bytes()
    cdhashes = tuple(one.cdhash for one in directories_of(data, path.name))
    requirement = signer.requirement(identifier_of(data, path.name))
    return NestedCode(cdhash=cdhashes[0], requirement=requirement.text(cdhashes))


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleCheck:
    """What is wrong with a bundle's signatures, and who vouches for its program."""

    vouchers: tuple[Voucher, ...] = ()
    problems: tuple[str, ...] = ()


def verify_bundle(folder: Path) -> BundleCheck:
    """The signatures of the bundle at ``folder``, held against all of its files.

    Raises :class:`BinaryFormatError` when it is no bundle or a file of it is damaged.
    """
    bundle = read_bundle(folder)
    try:
        seal = (bundle.contents / SEAL).read_bytes()
    except OSError:
        return BundleCheck(problems=("it has no seal",))
    problems = seal_problems(bundle.contents, seal, bundle.program)
    problems += _nested_problems(bundle, seal)
    for path in _applications(bundle.contents):
        found = verify_bundle(bundle.contents / path).problems
        problems += [f"{path}: {problem}" for problem in found]
    vouchers: list[Voucher] = []
    for path in bundle.programs:
        is_main = path == bundle.program
        outside = {PLIST_SLOT: bundle.plist, RESOURCES_SLOT: seal} if is_main else {}
        data = (bundle.contents / path).read_bytes()
        for check in verify_signature(data, path, outside=outside):
            problems += [f"{path} ({check.cpu}): {problem}" for problem in check.problems]
            if check.signature is None:
                problems.append(f"{path} ({check.cpu}) is not signed")
            if is_main and check.voucher:
                vouchers.append(replace(check.voucher, problems=()))
    return BundleCheck(vouchers=tuple(vouchers), problems=tuple(problems))


def _nested_problems(bundle: Bundle, seal: bytes) -> list[str]:
    problems = []
    for path, told in sealed_files(seal).items():
        place = bundle.contents / path
        if "cdhash" in told and place.is_file():
            found = [one.cdhash for one in directories_of(place.read_bytes(), path)]
            if told["cdhash"] not in found:
                problems.append(f"{path} is not the code that was sealed")
    return problems
