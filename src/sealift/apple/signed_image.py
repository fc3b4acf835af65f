"""An image whose native files are signed by its certificate, kept in the content store.

Signed once, they stay as they are: the next build needs no timestamp for what has not changed.
"""

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from sealift import console, store
from sealift.apple.codesign import CodeSigner, is_code
from sealift.apple.entitlements import as_der
from sealift.image import Entry, Image, Kind

_FORMAT = "1"  # of the signatures
_THREADS = 8


def signed_image(image: Image, signer: CodeSigner) -> Image:
    """``image`` with its native files signed as ``signer`` does; as it is where that is ad hoc.

    Raises as :meth:`CodeSigner.sign_file` does.
    """
    if signer.certificate is None:
        return image
    natives = [one for one in image.entries if one.kind is Kind.NATIVE and is_code(one.source)]
    signed = {one.path: made for one, made in zip(natives, _signed(natives, signer), strict=True)}
    entries = tuple(signed.get(one.path, one) for one in image.entries)
    return replace(image, entries=entries).with_key()


def signed_program(path: Path, name: str, signer: CodeSigner) -> Path:
    """The program at ``path``, which is to be called ``name``, signed; raises the same."""
    if signer.certificate is None:
        return path
    return _kept(path, store.file_sha256(path), name, signer)


def _signed(entries: Sequence[Entry], signer: CodeSigner) -> Sequence[Entry]:
    def sign(entry: Entry) -> Entry:
        name = entry.path.rpartition("/")[2]
        path = _kept(entry.source, entry.sha256, name, signer)
        bar.advance(1)
        return replace(entry, source=path, size=path.stat().st_size, sha256=store.file_sha256(path))

    with ThreadPoolExecutor(_THREADS) as pool, console.progress("Signing", len(entries)) as bar:
        return list(pool.map(sign, entries))


def _kept(path: Path, sha256: str, name: str, signer: CodeSigner) -> Path:
    """The file at ``path`` signed, from the store or made for it."""
    assert signer.certificate
    facts = (_FORMAT, sha256, name, signer.certificate.timestamp or "")
    key = store.digest_of(*facts, signer.certificate.fingerprint, as_der(signer.entitlements))

    def make(folder: Path) -> None:
        folder.mkdir()
        shutil.copyfile(path, folder / name)
        (folder / name).chmod(0o755)
        signer.sign_file(folder / name)

    return store.make_entry("signed", key, make) / name
