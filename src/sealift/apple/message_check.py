"""Whether the message of a code signature holds: what it signs, who did, and when.

Everything is followed to a certificate that signed itself; whether to trust that one is another
question, answered by :attr:`Voucher.is_apple` for Apple's root alone.
"""

import contextlib
import hashlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sealift.apple.asn1 import ASN1
from sealift.apple.certificate import apple_certificates
from sealift.apple.message import CDHASHES, CDHASHES_WHOLE, TIMESTAMP, encoded
from sealift.apple.property_list import read_table
from sealift.binary.macho_seal import HashedDirectory
from sealift.certificate import lacking
from sealift.errors import BinaryFormatError

if TYPE_CHECKING:
    from cryptography import x509

_OF_DATA, _OF_TIMESTAMP = "data", "tst_info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voucher:
    """Who vouches for code: names of certificates, the signer's first, the root's last.

    ``time`` is that of the timestamp, else the signer's own word (``is_timestamped`` tells).
    """

    names: tuple[str, ...] = ()
    time: datetime | None = None
    is_timestamped: bool = False
    is_apple: bool = False
    problems: tuple[str, ...] = ()


def check_message(message: bytes, directories: Sequence[HashedDirectory]) -> Voucher:
    """What ``message`` says about ``directories``, the main one first, with what is wrong.

    Raises :class:`~sealift.errors.ToolError` without the libraries.
    """
    return check_signed(message, directories[0].content, directories)


def check_signed(
    message: bytes, content: bytes, directories: Sequence[HashedDirectory] = ()
) -> Voucher:
    """The same of a message that signs ``content``, with or without code directories."""
    try:
        # Names in Apple's certificates may be longer than the standard allows.
        with ASN1, warnings.catch_warnings(action="ignore", category=UserWarning):
            return _check(message, content, directories)
    except ImportError as problem:
        raise lacking(problem) from problem


def _check(message: bytes, content: bytes, directories: Sequence[HashedDirectory]) -> Voucher:
    from asn1crypto import cms, tsp  # tsp makes timestamps known to cms
    from cryptography.exceptions import UnsupportedAlgorithm

    assert tsp
    damaged = (ValueError, TypeError, LookupError, AttributeError, BinaryFormatError)
    try:
        data = cms.ContentInfo.load(message)["content"]
        signer = data["signer_infos"][0]
        checked = _Checked(data, signer, content, _OF_DATA)
        token = _unsigned(signer, TIMESTAMP)
        if token is None:
            time, problems = checked.signing_time, list(checked.problems())
        else:
            time, problems = _timestamped(token, signer["signature"].native)
            problems += checked.problems()
        problems += _attribute_problems(signer, directories)
        chain, others = checked.chain(time)
        problems += others
    except (*damaged, UnsupportedAlgorithm) as problem:
        return Voucher(problems=(f"its message cannot be read: {problem}",))
    roots = {encoded(one) for one in apple_certificates()}
    return Voucher(
        names=tuple(one.subject.rfc4514_string() for one in chain),
        time=time,
        is_timestamped=token is not None,
        is_apple=bool(chain) and encoded(chain[-1]) in roots,
        problems=tuple(problems),
    )


class _Checked:
    """One signer of a message about ``content``, the kind of which is ``kind``."""

    def __init__(self, data: Any, signer: Any, content: bytes, kind: str) -> None:
        from cryptography import x509

        self._signer, self._content, self._kind = signer, content, kind
        self._certificates = [
            x509.load_der_x509_certificate(one.chosen.dump()) for one in data["certificates"]
        ]
        self._attributes = {
            attribute["type"].native: attribute["values"] for attribute in signer["signed_attrs"]
        }

    @property
    def signing_time(self) -> datetime | None:
        values = self._attributes.get("signing_time")
        return values[0].native if values else None

    @property
    def leaf(self) -> "x509.Certificate | None":
        told = self._signer["sid"].chosen
        issuer, number = told["issuer"].dump(), told["serial_number"].native
        for one in self._certificates:
            if one.serial_number == number and one.issuer.public_bytes() == issuer:
                return one
        return None

    def problems(self) -> Iterator[str]:
        """What is wrong with the signature itself."""
        hash_name = self._signer["digest_algorithm"]["algorithm"].native
        digest = hashlib.new(hash_name, self._content).digest()
        if self._attributes["content_type"][0].native != self._kind:
            yield "its message is of another kind"
        if self._attributes["message_digest"][0].native != digest:
            yield "its message is about something else"
        leaf = self.leaf
        if leaf is None:
            yield "its message lacks the signer's certificate"
        elif not _is_signed(leaf, self._signer, hash_name):
            yield f"it is not signed by {leaf.subject.rfc4514_string()}"

    def chain(self, time: datetime | None) -> "tuple[list[x509.Certificate], list[str]]":
        """The certificates up to the root, and what is wrong with them at ``time``."""
        leaf = self.leaf
        chain = [leaf] if leaf else []
        problems: list[str] = []
        known = [*self._certificates, *apple_certificates()]
        while chain and chain[-1].issuer != chain[-1].subject:
            issuer = next((one for one in known if _is_issued(chain[-1], one)), None)
            if issuer is None or issuer in chain:
                problems.append(f"nobody vouches for {chain[-1].subject.rfc4514_string()}")
                break
            chain.append(issuer)
        problems += [
            f"{one.subject.rfc4514_string()} was not valid at {time:%Y-%m-%d}"
            for one in chain
            if time and not one.not_valid_before_utc <= time <= one.not_valid_after_utc
        ]
        return chain, problems


def _timestamped(token: Any, signature: bytes) -> tuple[datetime, list[str]]:
    """When the timestamp ``token`` saw ``signature``, and what is wrong with it."""
    data = token["content"]
    content = data["encap_content_info"]["content"]
    told = content.parsed
    checked = _Checked(data, data["signer_infos"][0], bytes(content.contents), _OF_TIMESTAMP)
    time: datetime = told["gen_time"].native
    problems = [f"of its timestamp: {problem}" for problem in checked.problems()]
    _, others = checked.chain(time)
    problems += [f"of its timestamp: {problem}" for problem in others]
    imprint = told["message_imprint"]
    name = imprint["hash_algorithm"]["algorithm"].native
    if imprint["hashed_message"].native != hashlib.new(name, signature).digest():
        problems.append("its timestamp is of something else")
    return time, problems


def _attribute_problems(signer: Any, directories: Sequence[HashedDirectory]) -> Iterator[str]:
    """Whether Apple's attributes, where they are, name the directories."""
    values = {a["type"].dotted: a["values"] for a in signer["signed_attrs"]}
    if directories and CDHASHES in values:
        told = read_table(values[CDHASHES][0].native, "the list of hashes")["cdhashes"]
        if told != [one.cdhash for one in directories]:
            yield "its message names other code"
    if directories and CDHASHES_WHOLE in values:
        digests = [_digest(value) for value in values[CDHASHES_WHOLE]]
        if digests != [one.digest for one in directories]:
            yield "its message names other hashes of the code"


def _digest(value: Any) -> bytes:
    """The hash in a value that has an algorithm before it."""
    from asn1crypto import core

    class Parts(core.SequenceOf):  # type: ignore[misc]
        _child_spec = core.Any

    return bytes(Parts.load(value.dump())[1].parse(core.OctetString).native)


def _unsigned(signer: Any, kind: str) -> Any:
    for attribute in signer["unsigned_attrs"] or ():
        if attribute["type"].dotted == kind:
            return attribute["values"][0]
    return None


def _is_signed(leaf: "x509.Certificate", signer: Any, hash_name: str) -> bool:
    """Whether the key of ``leaf`` made the signature; attributes are signed as a plain set."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

    content = signer["signed_attrs"].untag().dump(force=True)
    signature, key = signer["signature"].native, leaf.public_key()
    algorithm: Any = getattr(hashes, hash_name.upper())()
    with contextlib.suppress(InvalidSignature):
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, content, padding.PKCS1v15(), algorithm)
            return True
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, content, ec.ECDSA(algorithm))
            return True
    return False


def _is_issued(certificate: "x509.Certificate", issuer: "x509.Certificate") -> bool:
    from cryptography.exceptions import InvalidSignature

    with contextlib.suppress(ValueError, TypeError, InvalidSignature):
        certificate.verify_directly_issued_by(issuer)
        return True
    return False
