"""Bills of materials that build backends put into wheels (PEP 770), rid of this machine's folders.

maturin's name packages by where they lie: ``path+file:///home/me/demo#1.0``.
"""

import tempfile
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from sealift import archive, store
from sealift.wheel import read_wheel
from sealift.wheel_writer import write_wheel


def hide_folders(wheel: Path, source: Path) -> None:
    """Have the bills in ``wheel`` take the folder that ``source``, its project, is in for the root.

    So ``path+file:///demo#1.0`` is left.  A wheel whose bills name nothing there stays as it
    is.  Raises :class:`~sealift.errors.ArchiveError` for a damaged one.
    """
    if not any("/sboms/" in name for name in archive.member_names(wheel)):
        return
    dist_info = read_wheel(wheel).dist_info
    with tempfile.TemporaryDirectory(prefix=".sealift-", dir=wheel.parent) as scratch:
        tree, new = Path(scratch, "wheel"), Path(scratch, wheel.name)
        archive.extract_zip(wheel, tree)
        bills = [path for path in (tree / dist_info / "sboms").rglob("*") if path.is_file()]
        named = [bill for bill in bills if _hide(bill, _top(source))]
        if named:
            write_wheel(new, tree, dist_info)
            new.replace(wheel)


def _top(source: Path) -> Path:
    """The folder above ``source``; of one in the cache, the folder that was made for it."""
    kept = store.store_root() / "scratch"
    if source.is_relative_to(kept):
        return kept / source.relative_to(kept).parts[0]
    return source.parent


def _hide(bill: Path, folder: Path) -> bool:
    """Whether ``bill`` named ``folder``, which it does no longer."""
    old = new = bill.read_bytes()
    for text in _spelled(folder):
        new = new.replace(text, b"/")
    bill.write_bytes(new)
    return new != old


def _spelled(folder: Path) -> Iterator[bytes]:
    """How ``folder`` and a slash are written, links followed or not, in URLs or as they are."""
    for path in (folder, folder.resolve()):
        if path != path.parent:  # not the root
            yield f"{path.as_posix()}/".encode("utf-8", "surrogateescape")
            yield f"{urllib.parse.quote(path.as_posix(), errors='surrogateescape')}/".encode()
