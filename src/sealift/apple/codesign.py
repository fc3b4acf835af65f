"""Signing of code for macOS: with a Developer ID, another certificate, or ad hoc.

With a certificate the hardened runtime is on, as notarization asks; ad hoc it is off, since it lets
a program load only libraries of its own team, and nobody's team is no team.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from sealift import console
from sealift.apple.certificate import SigningCertificate
from sealift.apple.entitlements import Value, as_der, as_xml
from sealift.apple.message import CertificateAuthor
from sealift.apple.requirement import Requirement
from sealift.binary.macho import read_macho, read_uuid
from sealift.binary.macho_layout import LC_CODE_SIGNATURE, Commands, is_macho, read_slices
from sealift.binary.macho_seal import HashedDirectory, Seal
from sealift.binary.macho_sign import default_identifier, sealed
from sealift.binary.macho_signature import ADHOC, HARDENED_RUNTIME
from sealift.binary.macho_verify import read_hashed
from sealift.binary.view import View
from sealift.binary.writing import write_whole
from sealift.errors import BinaryFormatError

_THREADS = 8  # a timestamp is waited for, once a file and CPU


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSigner:
    """Who signs, and what programs are allowed; ``certificate`` is ``None`` for ad hoc."""

    certificate: SigningCertificate | None = None
    entitlements: Mapping[str, Value] = field(default_factory=dict)

    def requirement(self, identifier: str) -> Requirement:
        """What other versions of the code ``identifier`` are known by."""
        if self.certificate:
            return self.certificate.requirement(identifier)
        return Requirement(identifier=identifier)

    def seal(
        self, identifier: str, *, plist: bytes | None = None, resources: bytes | None = None
    ) -> Seal:
        """What the signature of the code ``identifier`` is to say."""
        certificate, asked = self.certificate, self.entitlements
        return Seal(
            identifier=identifier,
            flags=HARDENED_RUNTIME if certificate else ADHOC,
            team=certificate.team if certificate else None,
            requirements=self.requirement(identifier).blob(),
            entitlements=as_xml(asked) if asked else None,
            der_entitlements=as_der(asked) if asked else None,
            plist=plist,
            resources=resources,
            author=CertificateAuthor(certificate) if certificate else None,
        )

    def sign_file(
        self, path: Path, *, identifier: str | None = None, plist: bytes | None = None,
        resources: bytes | None = None,
    ) -> None:  # fmt: skip
        """Sign the Mach-O file at ``path`` in its place; older signatures go.

        Raises :class:`BinaryFormatError` when it cannot be signed,
        :class:`~sealift.errors.FetchError` when there is no timestamp to be had.
        """
        data = path.read_bytes()
        seal = self.seal(
            identifier or identifier_of(data, path.name), plist=plist, resources=resources
        )
        write_whole(path, sealed(data, path.name, seal), path.stat().st_mode & 0o7777)

    def sign_files(self, paths: Sequence[Path]) -> None:
        """Sign the Mach-O files at ``paths``, several at a time; raises as :meth:`sign_file`."""
        with ThreadPoolExecutor(_THREADS) as pool, console.progress("Signing", len(paths)) as bar:
            for _ in pool.map(self.sign_file, paths):
                bar.advance(1)


def is_code(path: Path) -> bool:
    """Whether there is a program or a library: object files and static libraries are data."""
    if path.is_symlink():
        return False
    with path.open("rb") as file:
        if not is_macho(file.read(8)):
            return False
    return any(facts.kind in {"execute", "dylib", "bundle"} for facts in read_macho(path) or ())


def identifier_of(data: bytes, name: str) -> str:
    """What ``codesign`` calls the Mach-O file ``name``, which is in no bundle of its own."""
    slices = read_slices(View(data, name))
    return default_identifier(name, read_uuid(Commands(slices[0].part)) if slices else None)


def directories_of(data: bytes, name: str) -> list[HashedDirectory]:
    """The best code directory of each slice of a signed Mach-O file, that of SHA-256 where it is.

    Raises :class:`BinaryFormatError` where a slice is not signed.
    """
    found = []
    for piece in read_slices(View(data, name)):
        commands = Commands(piece.part)
        places = [commands.fields(command, 8, "II") for command in commands.of(LC_CODE_SIGNATURE)]
        if not places:
            raise BinaryFormatError(f"cannot use {name}: it is not signed")
        directories, _ = read_hashed(piece.part, *places[0])
        found.append(max(directories, key=lambda one: one.kind))
    return found
