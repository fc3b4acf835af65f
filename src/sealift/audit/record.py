"""RECORD compared with the content of a wheel, both ways.

Format: PEP 376 and PEP 627; which hashes prove something is the binary distribution format's word.
"""

import binascii
import csv
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sealift.audit.content import Content
from sealift.audit.finding import Finding

_STRONG = ("sha256", "sha384", "sha512")
_UNLISTED = ("RECORD.jws", "RECORD.p7s")
_SHOWN = 10
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


@dataclass
class Record:
    """The lines of one RECORD, and which of them were met."""

    path: str
    rows: Mapping[str, tuple[str, str]]
    odd: tuple[str, ...] = ()
    met: set[str] = field(default_factory=set)
    unlisted: list[str] = field(default_factory=list)

    def check(self, path: str, content: Content) -> Iterator[Finding]:
        """What is wrong about file ``path`` of the wheel; reads it all."""
        row = self.rows.get(path)
        self.met.add(path)
        if row is None:
            if path not in self._exempt:
                self.unlisted.append(path)
            return
        algorithm, _, promised = row[0].partition("=")
        if path in self._exempt:
            return
        if algorithm not in _STRONG:
            reason = f"hashes it with {algorithm}" if algorithm else "has no hash for it"
            yield Finding(rule="record-weak-hash", message=f"RECORD {reason}", file=path)
            return
        found = _encoded(content.digest(algorithm))
        if found != promised.rstrip("="):
            yield Finding(
                rule="record-wrong-hash",
                message=f"its {algorithm} is not what RECORD tells",
                file=path,
                details={"recorded": promised, "found": found},
            )
        elif row[1] and row[1] != str(content.size):
            message = f"it has {content.size} bytes, not {row[1]} as RECORD tells"
            yield Finding(rule="record-wrong-size", message=message, file=path)

    def ended(self) -> Iterator[Finding]:
        """What is wrong once every file was seen."""
        for path in self.unlisted[:_SHOWN]:
            message = "it is in the wheel and not in RECORD"
            yield Finding(rule="record-unlisted-file", message=message, file=path)
        if more := self.unlisted[_SHOWN:]:
            message = f"{len(more)} more files are in the wheel and not in RECORD"
            yield Finding(rule="record-unlisted-file", message=message, details={"files": more})
        absent = sorted(path for path in self.rows if path not in self.met)
        for path in absent:
            if path not in self._exempt:
                message = "it is in RECORD and not in the wheel"
                yield Finding(rule="record-absent-file", message=message, file=path)
        for line in self.odd:
            message = f"its line {line!r} is damaged or there twice"
            yield Finding(rule="record-damaged", message=message, file=self.path)

    @functools.cached_property
    def _exempt(self) -> frozenset[str]:
        folder = self.path.rpartition("/")[0]
        return frozenset({self.path, *(f"{folder}/{name}" for name in _UNLISTED)})


def parse_record(path: str, text: str) -> Record:
    """The RECORD at ``path`` of a wheel."""
    rows: dict[str, tuple[str, str]] = {}
    odd = []
    try:
        for row in csv.reader(text.splitlines()):
            if not row or row[0].endswith("/"):
                continue
            if len(row) != 3 or row[0] in rows:
                odd.append(",".join(row))
            else:
                rows[row[0]] = (row[1], row[2])
    except csv.Error as problem:
        odd.append(str(problem))
    return Record(path, rows, tuple(odd[:_SHOWN]))


def _encoded(digest: bytes) -> str:
    text = binascii.b2a_base64(digest, newline=False).rstrip(b"=")
    return text.translate(_URL_SAFE).decode()
