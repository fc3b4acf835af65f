"""The designated requirement of code: how a system knows that another version is the same program.

Format: ``requirement.h`` of Apple's Security framework: numbers are big-endian, strings and hashes
have their length before them and are filled up to four bytes.  What is required is what Apple's
``codesign`` requires by default.
"""

import struct
from dataclasses import dataclass

from sealift.binary.macho_seal import NO_REQUIREMENTS, blob
from sealift.binary.macho_signature import REQUIREMENTS

_REQUIREMENT = 0xFADE0C00
_DESIGNATED, _EXPRESSION = 3, 1
_IDENTIFIER, _ANCHOR_HASH, _AND, _FIELD, _EXTENSION, _APPLE = 2, 4, 6, 11, 14, 15
_EXISTS, _EQUAL = 0, 1
_LEAF, _ISSUER = 0, 1
# Extensions that say: issued by Apple's Developer ID, for applications.
ISSUED_BY_DEVELOPER_ID = "1.2.840.113635.100.6.2.6"
FOR_APPLICATIONS = "1.2.840.113635.100.6.1.13"
FOR_INSTALLERS = "1.2.840.113635.100.6.1.14"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What code has to be: called ``identifier``, and signed by the same certificate's owner.

    ``team`` is that of a Developer ID, else ``leaf`` the SHA-1 of the certificate.  With neither,
    an ad hoc signature, no two versions are the same.
    """

    identifier: str
    team: str | None = None
    leaf: bytes | None = None

    def blob(self) -> bytes:
        """The set of requirements that goes into the signature."""
        if self.team is None and self.leaf is None:
            return NO_REQUIREMENTS
        expression = struct.pack(">III", _EXPRESSION, _AND, _IDENTIFIER) + _data(self.identifier)
        expression += _developer(self.team) if self.team else _anchor(self.leaf or b"")
        index = struct.pack(">III", 1, _DESIGNATED, 20)
        return blob(REQUIREMENTS, index + blob(_REQUIREMENT, expression))

    def text(self, cdhashes: tuple[bytes, ...] = ()) -> str:
        """The same in words, as a bundle's seal has it; ad hoc code is known by ``cdhashes``.

        >>> Requirement(identifier="org.example.x").text((bytes(2),))
        'cdhash H"0000"'
        """
        if self.team:
            return (
                f"identifier {_quoted(self.identifier)} and anchor apple generic"
                f" and certificate 1[field.{ISSUED_BY_DEVELOPER_ID}] /* exists */"
                f" and certificate leaf[field.{FOR_APPLICATIONS}] /* exists */"
                f" and certificate leaf[subject.OU] = {_quoted(self.team)}"
            )
        if self.leaf:
            leaf = f'certificate leaf = H"{self.leaf.hex()}"'
            return f"identifier {_quoted(self.identifier)} and {leaf}"
        return " or ".join(f'cdhash H"{cdhash.hex()}"' for cdhash in cdhashes)


def _developer(team: str) -> bytes:
    """Anchored at Apple, through Developer ID, of this team."""
    parts = struct.pack(">III", _AND, _APPLE, _AND)
    parts += _extension(_ISSUER, ISSUED_BY_DEVELOPER_ID) + struct.pack(">I", _AND)
    parts += _extension(_LEAF, FOR_APPLICATIONS)
    parts += struct.pack(">II", _FIELD, _LEAF) + _data("subject.OU")
    return parts + struct.pack(">I", _EQUAL) + _data(team)


def _extension(certificate: int, oid: str) -> bytes:
    return (
        struct.pack(">II", _EXTENSION, certificate)
        + _data(encoded_oid(oid))
        + struct.pack(">I", _EXISTS)
    )


def _anchor(leaf: bytes) -> bytes:
    return struct.pack(">II", _ANCHOR_HASH, _LEAF) + _data(leaf)


def _data(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(">I", len(raw)) + raw + bytes(-len(raw) % 4)


def _quoted(word: str) -> str:
    """``word`` as the language of requirements takes it.

    >>> _quoted("BMM5U3QVKW"), _quoted("org.example.x"), _quoted("8A")
    ('BMM5U3QVKW', '"org.example.x"', '"8A"')
    """
    return word if word.isascii() and word.isalnum() and word[0].isalpha() else f'"{word}"'


def encoded_oid(dotted: str) -> bytes:
    """The content octets of an object identifier (X.690, 8.19).

    >>> encoded_oid("1.2.840.113635.100.6.2.6").hex()
    '2a864886f76364060206'
    """
    first, second, *rest = map(int, dotted.split("."))
    out = bytearray()
    for number in (40 * first + second, *rest):
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(number & 0x7F | 0x80)
        out += bytes(reversed(groups))
    return bytes(out)
