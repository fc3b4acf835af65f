"""Wheels written: members in order, RECORD last, the same files giving the same bytes.

Format: the binary distribution format 1.0 (PEP 427), RECORD as in PEP 376 and PEP 627.
"""

import base64
import csv
import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

from sealift.zip_writer import NewMember, source_time, write_zip

_LEVEL = 6


def write_wheel(path: Path, folder: Path, dist_info: str) -> None:
    """Write the files below ``folder`` as a wheel to ``path``, with a new RECORD.

    ``dist_info`` is the name of that folder in it; its files come last, as PEP 427 recommends.
    Executable files keep that; times are ``SOURCE_DATE_EPOCH`` or 1980.
    """
    record = f"{dist_info}/RECORD"
    rows: dict[str, tuple[str, str, str]] = {}

    def member(name: str, file: Path) -> NewMember:
        def read() -> bytes:
            data = file.read_bytes()
            rows[name] = (name, f"sha256={encoded_sha256(data)}", str(len(data)))
            return data

        return NewMember(name, 0o755 if os.access(file, os.X_OK) else 0o644, read)

    files = [(name, file) for name, file in _ordered(folder, dist_info) if name != record]

    def last() -> NewMember:
        text = record_text([*(rows[name] for name, _ in files), (record, "", "")])
        return NewMember(record, 0o644, text.encode)

    write_zip(path, (member(*pair) for pair in files), last=last, when=source_time(), level=_LEVEL)


def _ordered(folder: Path, dist_info: str) -> Iterator[tuple[str, Path]]:
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    for name in sorted(files, key=lambda name: (name.startswith(f"{dist_info}/"), name)):
        if files[name].is_file():
            yield name, files[name]


def record_text(rows: list[tuple[str, str, str]]) -> str:
    """RECORD of ``rows``: path, digest, size."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def encoded_sha256(data: bytes) -> str:
    """The SHA-256 of ``data`` as RECORD writes it."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
