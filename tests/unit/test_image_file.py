"""``image.sealift`` answers as its format says, whoever reads it."""

import marshal
import zlib
from pathlib import Path
from typing import Any

import pytest

from sealift import bytecode
from sealift.image import CodePack, Entry, Image
from sealift.launcher.blob import make_blob
from tests.support.entries import SITE, STDLIB, an_entry, an_image
from tests.support.image_reader import DIRECTORY, MODULE, PACKAGE, REAL, SOURCE, ImageFile

KEY = bytes(reversed(range(32)))


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "store"))


def code_of(path: str) -> bytes:
    return f"code of {path}".encode() * 3


def pack(folder: Path, origin: str, *paths: str) -> CodePack:
    """A code pack whose code is recognisable."""
    part, out = folder / f"{origin}.part", folder / f"{origin}.pack"
    codes = [code_of(path) for path in sorted(paths)]
    part.write_bytes(b"".join(codes))
    sizes = [(path, len(code)) for path, code in zip(sorted(paths), codes, strict=True)]
    bytecode._write_pack(out, sizes, [part])
    return CodePack(origin=origin, path=out, sha256=f"{zlib.crc32(out.read_bytes()):x}")


def image_file(image: Image, *packs: CodePack, settings: Any = None) -> ImageFile:
    pieces = make_blob(image, packs, marshal.dumps(settings or {}, 2), KEY)
    return ImageFile(b"".join(block for piece in pieces for block in piece.read()))


def staged(folder: Path, **changes: Any) -> tuple[Image, tuple[CodePack, ...]]:
    files: dict[str, bytes | Entry] = {
        f"{STDLIB}/encodings/__init__.py": b"# encodings\n",
        f"{STDLIB}/encodings/utf_8.py": b"# utf-8\n",
        f"{SITE}/pkg/__init__.py": b"",
        f"{SITE}/pkg/cli.py": "# größe\n".encode() * 40_000,
        f"{SITE}/pkg/old.py": b"print 'no code'\n",
        f"{SITE}/pkg/real.py": an_entry(folder, f"{SITE}/pkg/real.py", b"# real\n", real=True),
        f"{SITE}/pkg/data.txt": b"data",
    }
    image = an_image(folder, files, **changes)
    compiled = [path for path in files if path.endswith(".py") and "old" not in path]
    stdlib = [path for path in compiled if "encodings" in path]
    return image, (
        pack(folder, "python", *stdlib),
        pack(folder, "pkg", *(path for path in compiled if path not in stdlib)),
        pack(folder, "_sealift_importer", "<frozen _sealift_importer>"),
    )


def test_every_module_is_found_with_code_and_source(tmp_path: Path) -> None:
    image, packs = staged(tmp_path)
    found = image_file(image, *packs)
    assert found.data[:8] == b"SLIMAGE\x01"
    assert found.size == len(found.data)
    assert found.key == KEY
    assert found.counts["slots"] >= 2 * found.counts["entries"]
    for entry in image.entries:
        if not entry.path.endswith(".py"):
            continue
        key = entry.path.removesuffix(".py").removesuffix("/__init__")
        assert found[key]["file"] == entry.path
        assert found.source(key) == entry.source.read_bytes()
        if "old" not in key:
            assert found[key]["code"] == code_of(entry.path)
    assert found.find(f"{SITE}/pkg/data") is None
    assert found.find("") is None


def test_flags_tell_what_an_entry_is(tmp_path: Path) -> None:
    image, packs = staged(tmp_path)
    found = image_file(image, *packs)
    assert found[f"{SITE}/pkg"]["flags"] == MODULE | PACKAGE | DIRECTORY | SOURCE
    assert found[f"{SITE}/pkg/real"]["flags"] == MODULE | SOURCE | REAL
    assert found[f"{SITE}/pkg/old"]["flags"] == SOURCE
    assert found[SITE]["flags"] == DIRECTORY
    assert found["_sealift_importer"]["flags"] == MODULE


def test_folders_list_what_is_in_them(tmp_path: Path) -> None:
    image, packs = staged(tmp_path)
    found = image_file(image, *packs)
    assert found.children(f"{SITE}/pkg") == ["cli", "old", "real"]
    assert found.children(STDLIB) == ["encodings", "lib-dynload", "site-packages"]


def test_python_starts_with_frozen_modules(tmp_path: Path) -> None:
    image, packs = staged(tmp_path)
    assert image_file(image, *packs).frozen() == {
        "encodings": (f"{STDLIB}/encodings", True),
        "encodings.utf_8": (f"{STDLIB}/encodings/utf_8", False),
        "_sealift_importer": ("_sealift_importer", False),
    }


def test_settings_reach_the_importer(tmp_path: Path) -> None:
    image, packs = staged(tmp_path)
    settings = {"entry": ("pkg.cli", None), "search_path": ["lib"], "fast_exit": False}
    assert image_file(image, *packs, settings=settings).settings == settings


def test_sources_can_be_left_out(tmp_path: Path) -> None:
    image, packs = staged(tmp_path, sources=False)
    found = image_file(image, *packs)
    assert found.counts["groups"] == 0
    assert found[f"{SITE}/pkg/cli"]["flags"] == MODULE
    assert found.source(f"{SITE}/pkg/cli") is None
    assert found.find(f"{SITE}/pkg/old") is None


def test_same_bytes_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, packs = staged(tmp_path)
    first = image_file(image, *packs)
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "other"))
    assert image_file(image, *reversed(packs)).data == first.data


def test_an_edit_leaves_the_bytes_of_other_distributions(tmp_path: Path) -> None:
    image, packs = staged(tmp_path)
    before = {piece.digest for piece in make_blob(image, packs, b"", KEY)}
    edited, _ = staged(tmp_path, entry=image.entry)
    changed = pack(tmp_path, "pkg2", f"{SITE}/pkg/cli.py")
    after = {piece.digest for piece in make_blob(edited, (packs[0], changed), b"", bytes(32))}
    assert packs[0].sha256 in before & after
    assert packs[1].sha256 not in after


def test_many_modules_share_the_table(tmp_path: Path) -> None:
    paths = [f"{SITE}/many/m{number}.py" for number in range(3000)]
    image = an_image(tmp_path, dict.fromkeys(paths, b"# same\n"))
    found = image_file(image, pack(tmp_path, "many", *paths))
    for path in paths:
        assert found[path.removesuffix(".py")]["code"] == code_of(path)
    assert len(found.children(f"{SITE}/many")) == 3000
    assert found.find(f"{SITE}/many/m3000") is None
