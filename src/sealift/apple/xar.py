"""The archive that installer packages of macOS are: a table of contents in XML, then a heap.

Format: xar 1, as Apple's ``productbuild`` writes it: SHA-1 throughout, since the Installer asks for
it; the signature's strength is in the message, which is of SHA-256 over the table's checksum.
"""

import base64
import hashlib
import os
import shutil
import struct
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from sealift.apple.certificate import SigningCertificate
from sealift.apple.message import CertificateAuthor, encoded, signed_message
from sealift.apple.message_check import Voucher, check_signed
from sealift.errors import BinaryFormatError

_HEADER = ">4sHHQQI"
_MAGIC, _SHA1 = b"xar!", 1
_CHECKSUM_SIZE = 20
_DSIG = "http://www.w3.org/2000/09/xmldsig#"
_TICKET = "<4sHHII"
_TERMINATOR, _TICKET_KIND = 1, 2
_LARGEST_TABLE = 64 << 20  # one of 100,000 files has half of it


@dataclass(frozen=True, slots=True)
class Member:
    """A file on its way into the archive: as stored in ``data``, or a file on disk as it is."""

    path: str
    source: bytes | Path

    @property
    def size(self) -> int:
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size


def write_xar(
    out: BinaryIO,
    members: Sequence[Member],
    *,
    modified: int,
    certificate: SigningCertificate | None,
) -> None:
    """Write ``members`` to ``out``, signed by ``certificate``.

    Contents in memory are compressed, files on disk are taken to be.  The same members give the
    same bytes, but for timestamps.  Raises :class:`~sealift.errors.FetchError` when there is no
    timestamp to be had.
    """
    signatures = _Signatures(certificate)
    stored = _stored(members, signatures.end)
    toc = _table(stored, signatures, modified)
    packed = zlib.compress(toc, 9)
    checksum = hashlib.sha1(packed, usedforsecurity=False).digest()
    size = struct.calcsize(_HEADER)
    out.write(struct.pack(_HEADER, _MAGIC, size, 1, len(packed), len(toc), _SHA1))
    out.write(packed + checksum + signatures.make(packed, checksum))
    for one in stored.values():
        if isinstance(one.content, bytes):
            out.write(one.content)
        else:
            with one.content.open("rb") as file:
                shutil.copyfileobj(file, out)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    content: bytes | Path
    is_compressed: bool
    size: int
    length: int
    offset: int
    archived: str
    extracted: str


def _stored(members: Sequence[Member], offset: int) -> Mapping[str, _Stored]:
    found: dict[str, _Stored] = {}
    for member in members:
        content, extracted = member.source, _sha1(member.source)
        if isinstance(content, bytes):
            content = zlib.compress(content, 9)
        length = len(content) if isinstance(content, bytes) else member.size
        found[member.path] = _Stored(
            content=content,
            is_compressed=isinstance(content, bytes),
            size=member.size,
            length=length,
            offset=offset,
            archived=_sha1(content),
            extracted=extracted,
        )
        offset += length
    return found


def _sha1(source: bytes | Path) -> str:
    if isinstance(source, bytes):
        return hashlib.sha1(source, usedforsecurity=False).hexdigest()
    with source.open("rb") as file:
        total = hashlib.sha1(usedforsecurity=False)
        while block := file.read(1 << 20):
            total.update(block)
    return total.hexdigest()


class _Signatures:
    """Two of the same certificate: an old one for old systems, and a message; or none."""

    def __init__(self, certificate: SigningCertificate | None) -> None:
        self._certificate = certificate
        self.sizes: dict[str, int] = {}
        if certificate:
            if rsa_size := _rsa_size(certificate):
                self.sizes["RSA"] = rsa_size
            self.sizes["CMS"] = CertificateAuthor(certificate).room

    @property
    def end(self) -> int:
        """Where in the heap the members begin."""
        return _CHECKSUM_SIZE + sum(self.sizes.values())

    @property
    def chain(self) -> list[str]:
        """The certificates, as XML has them."""
        chain = self._certificate.chain if self._certificate else ()
        return [base64.b64encode(encoded(one)).decode() for one in chain]

    def make(self, table: bytes, checksum: bytes) -> bytes:
        """The signatures of the compressed ``table``, each in its place."""
        out = b""
        if self._certificate:
            if "RSA" in self.sizes:
                out = _rsa_signature(self._certificate, table)
            message = signed_message(self._certificate, checksum, [])
            out += message.ljust(self.sizes["CMS"], b"\0")
        return out


def _rsa_size(certificate: SigningCertificate) -> int:
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = certificate.key
    return key.key_size // 8 if isinstance(key, rsa.RSAPrivateKey) else 0


def _rsa_signature(certificate: SigningCertificate, table: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    signature = certificate.key.sign(table, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    return bytes(signature)


def _table(stored: Mapping[str, _Stored], signatures: _Signatures, modified: int) -> bytes:
    root = ET.Element("xar")
    toc = ET.SubElement(root, "toc")
    checksum = ET.SubElement(toc, "checksum", style="sha1")
    _texts(checksum, {"size": _CHECKSUM_SIZE, "offset": 0})
    time = datetime.fromtimestamp(modified, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    ET.SubElement(toc, "creation-time").text = time
    offset = _CHECKSUM_SIZE
    for style, size in signatures.sizes.items():
        name = "signature" if style == "RSA" else "x-signature"
        element = ET.SubElement(toc, name, style=style)
        _texts(element, {"offset": offset, "size": size})
        data = ET.SubElement(ET.SubElement(element, "KeyInfo", xmlns=_DSIG), "X509Data")
        for one in signatures.chain:
            ET.SubElement(data, "X509Certificate").text = one
        offset += size
    _files(toc, stored, f"{time}Z")
    ET.indent(root, " ")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root) + b"\n"


def _files(toc: ET.Element, stored: Mapping[str, _Stored], time: str) -> None:
    folders: dict[str, ET.Element] = {"": toc}
    count = 0

    def entry(path: str, kind: str, mode: str) -> ET.Element:
        nonlocal count
        folder, _, name = path.rpartition("/")
        if folder not in folders:
            folders[folder] = entry(folder, "directory", "0755")
        count += 1
        element = ET.SubElement(folders[folder], "file", id=str(count))
        facts = {"name": name, "type": kind, "mode": mode, "uid": 0, "user": "root", "gid": 0}
        _texts(element, {**facts, "group": "wheel", "mtime": time})
        return element

    for path, one in stored.items():
        data = ET.SubElement(entry(path, "file", "0644"), "data")
        ET.SubElement(data, "archived-checksum", style="sha1").text = one.archived
        ET.SubElement(data, "extracted-checksum", style="sha1").text = one.extracted
        form = "x-gzip" if one.is_compressed else "octet-stream"  # zlib, whatever it is called
        ET.SubElement(data, "encoding", style=f"application/{form}")
        _texts(data, {"size": one.size, "offset": one.offset, "length": one.length})


def _texts(element: ET.Element, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        ET.SubElement(element, name).text = str(value)


# Reading what is signed


@dataclass(frozen=True, slots=True)
class XarHead:
    """The head of an archive: the table as it is stored, and where the heap begins."""

    packed: bytes
    heap: int

    @property
    def checksum(self) -> bytes:
        """Of the table; what signatures and tickets are about."""
        return hashlib.sha1(self.packed, usedforsecurity=False).digest()

    def table(self) -> ET.Element:
        """The table of contents; raises :class:`BinaryFormatError` where it cannot be read."""
        try:
            found = ET.fromstring(_unpacked(self.packed)).find("toc")  # noqa: S314  (bounded)
        except (zlib.error, ET.ParseError, LookupError, ValueError) as problem:  # encodings, too
            raise _unreadable(str(problem)) from problem
        if found is None:
            raise _unreadable("it has no contents")
        return found


def _unpacked(packed: bytes) -> bytes:
    """The text of a table; one that declares entities, which grow when they are read, is none."""
    unpack = zlib.decompressobj()
    text = unpack.decompress(packed, _LARGEST_TABLE)
    if not unpack.eof:
        raise _unreadable(f"it ends early, or has more than {_LARGEST_TABLE} bytes")
    if b"<!" in text or b"\0" in text:  # with zeros it is text of 16 bits, which hides them
        raise _unreadable("it has declarations")
    return text


def _unreadable(reason: str) -> BinaryFormatError:
    return BinaryFormatError(f"cannot read a table of contents: {reason}")


def read_head(path: Path) -> XarHead:
    """The head of the archive at ``path``; raises :class:`BinaryFormatError` where it is none."""
    size = struct.calcsize(_HEADER)
    with path.open("rb") as file:
        raw = file.read(size)
        if len(raw) < size or not raw.startswith(_MAGIC):
            raise BinaryFormatError(f"cannot use {path.name}: it does not begin as a package does")
        _, own, _, length, _, _ = struct.unpack(_HEADER, raw)
        if own + length > path.stat().st_size:
            raise BinaryFormatError(f"cannot use {path.name}: it ends before its table of contents")
        file.seek(own)
        packed = file.read(length)
    return XarHead(packed, own + length)


def verify_xar(path: Path) -> tuple[Voucher | None, list[str]]:
    """Who vouches for the archive at ``path``, and what in it is not as its table says.

    Raises :class:`BinaryFormatError` where it is no archive.
    """
    head = read_head(path)
    problems: list[str] = []
    table = head.table()
    with path.open("rb") as file:
        file.seek(head.heap)
        if file.read(_CHECKSUM_SIZE) != head.checksum:
            problems.append("its table of contents is not the one that was checksummed")
        for element in table.iter("data"):
            offset, content = _told(file, head, element, "length")
            if _sha1(content) != element.findtext("archived-checksum"):
                problems.append(f"the {len(content)} bytes at {offset} are not those it promises")
        message = b""
        for element in table.iter("x-signature"):
            _, message = _told(file, head, element, "size")
    if not message:
        return None, problems
    voucher = check_signed(message, head.checksum)
    return voucher, problems + list(voucher.problems)


def _told(file: BinaryIO, head: XarHead, element: ET.Element, size: str) -> tuple[int, bytes]:
    """Where in the heap a part is that ``element`` tells of, and its bytes."""
    numbers = [element.findtext(key, "") for key in ("offset", size)]
    if not all(number.isdecimal() and len(number) < 20 for number in numbers):
        raise _unreadable("it does not say where parts are")
    offset, length = map(int, numbers)
    if head.heap + offset + length > file.seek(0, os.SEEK_END):
        raise BinaryFormatError("cannot use the package: it ends before its parts do")
    file.seek(head.heap + offset)
    return offset, file.read(length)


def staple_xar(path: Path, ticket: bytes) -> None:
    """Put the ``ticket`` of a notarization behind the archive at ``path``; an older one goes."""
    with path.open("r+b") as file:
        file.seek(_end_without_ticket(file))
        file.write(b"".join(_trailers(ticket)))
        file.truncate()


def _end_without_ticket(file: BinaryIO) -> int:
    size, each = file.seek(0, os.SEEK_END), struct.calcsize(_TICKET)
    file.seek(max(0, size - each))
    tail = file.read(each)
    if len(tail) < each or tail[:8] != struct.pack(_TICKET, b"t8lr", 1, _TICKET_KIND, 0, 0)[:8]:
        return size
    (length,) = struct.unpack_from("<I", tail, 8)
    start = size - each - int(length) - each  # the terminator is before the ticket
    return start if start > 0 else size


def _trailers(ticket: bytes) -> Iterator[bytes]:
    yield struct.pack(_TICKET, b"t8lr", 1, _TERMINATOR, 0, 0)
    yield ticket
    yield struct.pack(_TICKET, b"t8lr", 1, _TICKET_KIND, len(ticket), 0)
