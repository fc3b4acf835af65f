"""Coverage-guided fuzzing of the readers: whatever the bytes, facts or a named error.

``tests/integration/test_fuzz.py`` runs it for seconds. From the root of the checkout, for longer:

    python -m tests.fuzz.readers CORPUS -max_total_time=300 -timeout=5 -rss_limit_mb=1024

CORPUS is a folder; it gets small files of each kind to begin from. What fails is written to the
working directory, and becomes a test of the reader it broke.
"""

import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris  # type: ignore[import-untyped]

from tests.fuzz.seeds import SEEDS

with atheris.instrument_imports(include=["sealift"]):
    from sealift.apple.xar import verify_xar
    from sealift.audit.inventory import take_inventory
    from sealift.binary import (
        elf,
        elf_strip,
        elf_symbols,
        macho,
        macho_symbols,
        macho_verify,
        pe,
        x86,
    )
    from sealift.binary.view import View
    from sealift.errors import ArchiveError, BinaryFormatError
    from sealift.strictzip import StrictZip
    from sealift.zipmember import Flaw
from tests.support.xar_files import make_xar

_SCRATCH = Path(tempfile.gettempdir())


def _package(data: bytes) -> None:
    """An inventory of a damaged package has findings; it is never an error."""
    with tempfile.NamedTemporaryFile(dir=_SCRATCH, suffix="-1.tar.gz") as file:
        file.write(data)
        file.flush()
        take_inventory(Path(file.name))


def _xar(data: bytes) -> None:
    if data[4:5] == b"<":  # a table of contents as it is
        data = make_xar(data[4:])
    with tempfile.NamedTemporaryFile(dir=_SCRATCH) as file:
        file.write(data)
        file.flush()
        verify_xar(Path(file.name))


def _zip(data: bytes) -> None:
    _package(data)
    with tempfile.NamedTemporaryFile(dir=_SCRATCH) as file:
        file.write(data)
        file.flush()
        flaws: list[Flaw] = []
        for noted in (None, flaws):
            with (
                contextlib.suppress(ArchiveError),
                StrictZip(Path(file.name), flaws=noted) as archive,
            ):
                for member in archive.entries:
                    with contextlib.suppress(ArchiveError):
                        archive.head(member, 4096)
                    content = archive.whole(member)
                    assert content == b"".join(archive.chunks(member))


# By how the bytes begin, as everywhere; the rest has to be refused at once.
_READERS: dict[bytes, tuple[Callable[[bytes], object], ...]] = {
    b"\x7fELF": (
        lambda data: elf.facts_of(View(data, "fuzz")),
        lambda data: elf_symbols.undefined(View(data, "fuzz")),
        lambda data: elf_symbols.defined(View(data, "fuzz")),
        lambda data: x86.x86_baseline(View(data, "fuzz")),
        elf_strip.stripped,
        elf_strip.with_usual_pages,
    ),
    b"MZ": (
        lambda data: pe.facts_of(View(data, "fuzz")),
        lambda data: pe.imported(View(data, "fuzz")),
        lambda data: pe.exported(View(data, "fuzz")),
    ),
    b"PK": (_zip,),
    b"xar!": (_xar,),
    b"!<arch>": (_package,),
    b"\xed\xab\xee\xdb": (_package,),
    b"": (
        lambda data: macho.facts_of(View(data, "fuzz")),
        lambda data: macho_symbols.symbols_of(View(data, "fuzz")),
        macho_verify.verify_signature,
    ),
}


def read(data: bytes) -> None:
    """Give ``data`` to the readers of what it begins as."""
    if data[257:262] == b"ustar":
        _package(data)
        return
    for start, readers in _READERS.items():
        if data.startswith(start):
            for reader in readers:
                with contextlib.suppress(BinaryFormatError, ArchiveError):
                    reader(data)
            return


if __name__ == "__main__":
    corpus = Path(sys.argv[1])
    corpus.mkdir(exist_ok=True)
    if not list(corpus.iterdir()):
        for make in SEEDS.values():
            make(corpus)
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
