"""``sealift notarize``: a signed application, disk image or package is sent to Apple's notary.

What is refused for sure is found out before anything is sent; the ticket that comes back is put
where a Mac looks for it without asking anyone.
"""

import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sealift import console
from sealift.apple.bundle import read_bundle, verify_bundle
from sealift.apple.codesign import directories_of
from sealift.apple.image_signature import image_directory, staple_image, verify_image
from sealift.apple.message_check import Voucher
from sealift.apple.notary import Notary
from sealift.apple.xar import read_head, staple_xar, verify_xar
from sealift.binary.writing import changed_whole, write_whole
from sealift.errors import RefusedError

_SHA1 = 1
_SYMLINK = 0o120755


@dataclass(frozen=True, slots=True, kw_only=True)
class Notarized:
    """What came of it."""

    path: Path
    submission: str
    record: str


class _Kind(Protocol):
    """A kind of what can be notarized."""

    def check(self) -> tuple[tuple[Voucher, ...], list[str]]:
        """Who vouches for it, and what is wrong with its signature."""

    def record(self) -> str:
        """By what its ticket is found."""

    def staple(self, ticket: bytes) -> None:
        """Put the ticket into it."""


@dataclass(frozen=True, slots=True)
class _Application:
    path: Path

    def check(self) -> tuple[tuple[Voucher, ...], list[str]]:
        found = verify_bundle(self.path)
        return found.vouchers, list(found.problems)

    def record(self) -> str:
        bundle = read_bundle(self.path)
        program = bundle.contents / bundle.program
        directory = directories_of(program.read_bytes(), program.name)[0]
        return _record(directory.kind, directory.cdhash)

    def staple(self, ticket: bytes) -> None:
        write_whole(self.path / "Contents" / "CodeResources", ticket, 0o644)


@dataclass(frozen=True, slots=True)
class _Image:
    path: Path

    def check(self) -> tuple[tuple[Voucher, ...], list[str]]:
        voucher, problems = verify_image(self.path)
        return (voucher,) if voucher else (), problems

    def record(self) -> str:
        directory = image_directory(self.path)
        return _record(directory.kind, directory.cdhash)

    def staple(self, ticket: bytes) -> None:
        with changed_whole(self.path) as copy:
            staple_image(copy, ticket)


@dataclass(frozen=True, slots=True)
class _Package:
    path: Path

    def check(self) -> tuple[tuple[Voucher, ...], list[str]]:
        voucher, problems = verify_xar(self.path)
        return (voucher,) if voucher else (), problems

    def record(self) -> str:
        return _record(_SHA1, read_head(self.path).checksum)

    def staple(self, ticket: bytes) -> None:
        with changed_whole(self.path) as copy:
            staple_xar(copy, ticket)


_KINDS: dict[str, Callable[[Path], _Kind]] = {
    ".app": _Application,
    ".dmg": _Image,
    ".pkg": _Package,
}


def notarize(
    path: Path, notary: Notary, *, timeout: float, submission: str | None = None
) -> Notarized:
    """Have ``path`` notarized, and put the ticket into it; ``submission`` is one sent before.

    Raises :class:`RefusedError` for what is not signed as Apple asks, or does not please Apple,
    :class:`~sealift.errors.FetchError` when Apple cannot be reached or takes too long.
    """
    kind = _kind(path)
    with console.step(f"Checking {path.name}") as step:
        _check(path, kind)
        step.done("signed, with a timestamp")
    if submission is None:
        with console.step("Sending it to Apple") as step:
            submission = _submit(path, notary)
            step.done(f"submission {submission}")
    with console.step("Waiting for Apple") as step:
        notary.wait(submission, timeout=timeout)
        step.done("accepted")
    record = kind.record()
    with console.step("Stapling the ticket") as step:
        kind.staple(notary.ticket(record))
        step.done(record)
    return Notarized(path=path, submission=submission, record=record)


def _kind(path: Path) -> _Kind:
    made = _KINDS.get(path.suffix)
    if made is None:
        raise RefusedError(
            f"cannot notarize {path.name}: Apple takes applications (.app), disk images (.dmg) and "
            "packages (.pkg)",
            hint="a single file or a folder goes into a package: sealift build -f pkg",
        )
    return made(path)


def _check(path: Path, kind: _Kind) -> None:
    vouchers, problems = kind.check()
    if problems:
        raise RefusedError(
            f"cannot notarize {path.name}: its signature does not fit", details=problems[:10]
        )
    if not vouchers or not all(voucher.is_timestamped for voucher in vouchers):
        what = "has no timestamp" if vouchers else "is ad hoc"
        raise RefusedError(
            f"cannot notarize {path.name}: its signature {what}",
            hint="build it with a Developer ID: [tool.sealift.signing.macos]",
        )


def _submit(path: Path, notary: Notary) -> str:
    if path.is_file():
        return notary.submit(path, path.name)
    with tempfile.TemporaryDirectory(prefix="sealift-notarize-") as scratch:
        packed = Path(scratch) / f"{path.name}.zip"
        pack_application(path, packed)
        return notary.submit(packed, packed.name)


def pack_application(folder: Path, out: Path) -> None:
    """Write the application at ``folder`` as a zip that Apple's notary takes, links kept."""
    deflated = zipfile.ZIP_DEFLATED
    # Files may be older than what such an archive has times for.
    with zipfile.ZipFile(out, "w", deflated, compresslevel=6, strict_timestamps=False) as archive:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder.parent).as_posix()
            if path.is_symlink():
                member = zipfile.ZipInfo(name)
                member.create_system, member.external_attr = 3, _SYMLINK << 16
                archive.writestr(member, str(path.readlink()))
            elif path.is_file():
                archive.write(path, name)


def _record(kind: int, digest: bytes) -> str:
    return f"2/{kind}/{digest[:20].hex()}"
