"""Signatures of Windows programs (Authenticode), by osslsigncode.

What others signed keeps their signature.  The password is in a file that only this user can read,
for as long as it is needed; it is on no command line.  Same input, same bytes, but for timestamps:
the time of signing is ``SOURCE_DATE_EPOCH``, or when the certificate became valid.
"""

import os
import shlex
import shutil
import tempfile
import time
import urllib.parse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sealift import process, store
from sealift.binary.pe import read_pe
from sealift.epoch import source_epoch
from sealift.errors import ConfigError, ToolError
from sealift.image import Entry, Image, Kind
from sealift.signing import Identity, identity_of
from sealift.tools import OSSLSIGNCODE
from sealift.windows.certificate import Certificate, read_certificate

_FORMAT = "1"  # a new number forgets the copies that were signed
_PAUSES = (1.0, 4.0)  # seconds before a timestamp is asked for again


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs ``title``; ``password`` is a file."""

    identity: Identity
    certificate: Certificate
    title: str
    homepage: str
    password: Path

    def sign(self, path: Path) -> None:
        """Sign the file at ``path``, in its place.

        Raises :class:`ToolError`, also where no timestamp can be had.
        """
        made = path.with_name(f"{path.name}.signed")
        command = [*self._command(), "-in", path, "-out", made]
        for pause in (*_PAUSES, None):
            try:
                process.run(command, action=f"sign {path.name}", hint=self._hint())
                break
            except ToolError:
                made.unlink(missing_ok=True)
                if self.identity.timestamp is None or pause is None:
                    raise
                time.sleep(pause)
        made.chmod(path.stat().st_mode)
        made.replace(path)

    def signed_copy(self, path: Path, sha256: str) -> Path:
        """A signed copy of the file at ``path``, whose digest is known, in the content store.

        It is made once for each certificate, so that what did not change keeps its timestamp.
        """
        identity = self.identity
        key = store.digest_of(
            *(_FORMAT, sha256, self.certificate.fingerprint, str(self._time())),
            *(identity.timestamp or "", self.title, self.homepage),
        )

        def make(out: Path) -> None:
            shutil.copyfile(path, out)
            out.chmod(0o755)
            self.sign(out)

        return store.make_entry("signed", key, make)

    def signed_image(self, image: Image) -> Image:
        """``image`` with all its native files signed that nobody has signed."""
        return replace(image, entries=tuple(map(self._signed_entry, image.entries))).with_key()

    def _signed_entry(self, entry: Entry) -> Entry:
        facts = read_pe(entry.source) if entry.kind is Kind.NATIVE else None
        if facts is None or facts.signature is not None:
            return entry
        copy = self.signed_copy(entry.source, entry.sha256)
        size, digest = copy.stat().st_size, store.file_sha256(copy)
        return replace(entry, source=copy, size=size, sha256=digest)

    def sign_tree(self, root: Path, files: Iterable[str]) -> None:
        """Sign those of ``files`` below ``root`` that Windows loads and nobody has signed."""
        for file in files:
            path = root / file
            facts = read_pe(path)
            if facts and facts.signature is None:
                self.sign(path)

    def write_script(self, path: Path) -> str:
        """A command for a shell, kept in ``path``, that signs the file whose path is put behind."""
        words = shlex.join(map(str, self._command()))
        path.write_text(
            f'#!/bin/sh\n{words} -in "$1" -out "$1.signed" && mv "$1.signed" "$1"\n',
            encoding="utf-8",
        )
        path.chmod(0o700)
        return str(path)

    def _command(self) -> list[str | Path]:
        identity = self.identity
        words: list[str | Path] = [OSSLSIGNCODE.require(), "sign", *_keys(identity)]
        words += ["-h", "sha256", "-n", self.title, "-time", str(self._time())]
        if identity.password:  # it takes an empty file for none
            words += ["-readpass", self.password]
        if self.homepage:
            words += ["-i", self.homepage]
        if identity.timestamp:
            words += ["-ts", identity.timestamp]
        return words

    def _time(self) -> int:
        return max(source_epoch(), self.certificate.begins)

    def _hint(self) -> str | None:
        if self.identity.timestamp:
            return f"does {self.identity.timestamp} answer? without `timestamp` none is asked for"
        return None


@contextmanager
def opened_signer(image: Image) -> Iterator[Signer | None]:
    """Who signs ``image``, or ``None`` where no certificate is named, or it is not for Windows.

    Raises :class:`ConfigError` where the certificate cannot be read, the password is wrong, the key
    belongs to another, or it is no longer valid; :class:`ToolError` where osslsigncode is missing.
    """
    system = image.target.os
    identity = identity_of(image.signing, system) if image.target.is_windows else None
    if identity is None:
        yield None
        return
    OSSLSIGNCODE.require()
    certificate = read_certificate(identity)
    app = image.application
    with tempfile.TemporaryDirectory(prefix="sealift-signing-") as scratch:
        password = Path(scratch, "password")
        descriptor = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(identity.password)
        yield Signer(identity, certificate, app.title, app.homepage, password)


def _keys(identity: Identity) -> list[str | Path]:
    """The arguments that name certificate and key."""
    certificate, key = identity.certificate, identity.key
    if key is None:
        if is_pem(certificate):
            return ["-certs", certificate, "-key", certificate]
        return ["-pkcs12", certificate]
    if key.startswith("pkcs11:"):
        query = urllib.parse.parse_qs(key.partition("?")[2])
        if "module-path" not in query:
            raise ConfigError(
                "cannot sign: the PKCS#11 URI of the key names no module",
                hint="append ?module-path=/path/of/the/module.so to it (RFC 7512)",
            )
        uri = key.partition("?")[0]
        return ["-pkcs11module", query["module-path"][0], "-certs", certificate, "-key", uri]
    return ["-certs", certificate, "-key", key]


def is_pem(path: Path) -> bool:
    """Whether ``path`` is a PEM file; else it is PKCS#12."""
    return b"-----BEGIN " in path.read_bytes()
