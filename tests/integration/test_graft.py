"""Libraries outside the system policy travel with the files that ask for them."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from sealift.binary.elf import read_elf
from sealift.errors import BinaryFormatError
from sealift.graft import Grafted, Native, graft
from sealift.store import file_sha256
from sealift.target import Target, current_target
from tests.support.elf_files import ElfSpec, make_elf
from tests.support.tools import missing, require_tool

ASKER = "site-packages/pkg/ext.so"


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    require_tool("cc")
    require_tool("patchelf")
    if current_target().os != "linux":
        missing("needs Linux")
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "store"))
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    return current_target()


def compiled(path: Path, source: str, options: Sequence[str | Path] = ()) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.with_suffix(".c")
    text.write_text(source)
    command = ["cc", "-g", "-shared", "-fPIC", text, "-o", path, "-Wl,--no-as-needed", *options]
    subprocess.run([str(part) for part in command], check=True)
    return path


def library(folder: Path, name: str, source: str, options: Sequence[str | Path] = ()) -> Path:
    return compiled(folder / name, source, [f"-Wl,-soname,{name}", *options])


@pytest.fixture
def two_deep(target: Target, tmp_path: Path) -> Path:
    """ext.so asks libouter, which asks libinner, each in a folder of its own by absolute path."""
    inner = library(tmp_path / "a", "libinner.so.1", "int inner(void) { return 41; }")
    outer = library(
        tmp_path / "b",
        "libouter.so.2",
        "int inner(void); int outer(void) { return inner() + 1; }",
        [inner, f"-Wl,-rpath,{inner.parent}"],
    )
    return compiled(
        tmp_path / "c" / "ext.so",
        "int outer(void); int answer(void) { return outer(); }",
        [outer, f"-Wl,-rpath,{outer.parent}"],
    )


def put_together(natives: dict[str, Native], done: Grafted, root: Path) -> Path:
    files = {path: native.path for path, native in natives.items()} | {**done.edited, **done.added}
    for path, file in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(file.read_bytes())
    return root


def called(path: Path) -> int:
    code = f"import ctypes; print(ctypes.CDLL({str(path)!r}).answer())"
    python = str(require_tool("python3"))
    done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    return int(done.stdout)


def test_a_closure_is_copied_and_loads_without_its_origin(
    two_deep: Path, target: Target, tmp_path: Path
) -> None:
    natives = {ASKER: Native(path=two_deep, strip=True)}
    done = graft(natives, provided={}, library_dir="lib", target=target)
    assert sorted(done.added) == ["lib/libinner.so.1", "lib/libouter.so.2"]
    assert [*done.edited] == [ASKER]
    assert done.missing == ()
    assert done.origins["lib/libinner.so.1"] == (tmp_path / "a" / "libinner.so.1").resolve()
    root = put_together(natives, done, tmp_path / "product")
    for folder in ("a", "b", "c"):
        (tmp_path / folder).rename(tmp_path / f"gone-{folder}")
    assert called(root / ASKER) == 42
    for path, search in {ASKER: "$ORIGIN/../../lib", "lib/libouter.so.2": "$ORIGIN"}.items():
        facts = read_elf(root / path)
        assert facts is not None
        assert (facts.rpath, facts.runpath) == ((search,), ())
        assert str(tmp_path).encode() not in (root / path).read_bytes()


def test_the_same_again_gives_the_same_bytes(
    two_deep: Path, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def digests() -> dict[str, str]:
        natives = {ASKER: Native(path=two_deep)}
        done = graft(natives, provided={}, library_dir="lib", target=target)
        return {p: file_sha256(f) for p, f in {**done.edited, **done.added}.items()}

    first = digests()
    monkeypatch.setenv("SEALIFT_CACHE_DIR", str(tmp_path / "other"))
    assert digests() == first


def test_what_the_product_has_already_is_pointed_to(two_deep: Path, target: Target) -> None:
    done = graft(
        {ASKER: Native(path=two_deep)},
        provided={"libouter.so.2": "lib/apart/libouter.so.2"},
        library_dir="lib",
        target=target,
    )
    assert not done.added
    facts = read_elf(done.edited[ASKER])
    assert facts is not None
    assert facts.rpath == ("$ORIGIN/../../lib/apart",)


def test_a_loader_s_rpath_serves_what_it_loads(target: Target, tmp_path: Path) -> None:
    inner = library(tmp_path / "a", "libinner.so.1", "int inner(void) { return 41; }")
    source = "int inner(void); int outer(void) { return inner() + 1; }"
    outer = library(tmp_path / "b", "libouter.so.2", source, [inner])
    paths = f"-Wl,--disable-new-dtags,-rpath,{outer.parent}:{inner.parent}"
    source = "int outer(void); int answer(void) { return outer(); }"
    extension = compiled(
        tmp_path / "ext.so", source, [outer, "-Wl,-rpath-link", inner.parent, paths]
    )
    natives = {ASKER: Native(path=extension)}
    done = graft(natives, provided={}, library_dir="lib", target=target)
    assert done.missing == ()
    assert called(put_together(natives, done, tmp_path / "product") / ASKER) == 42


def test_a_need_that_is_a_path_becomes_a_name(target: Target, tmp_path: Path) -> None:
    nameless = compiled(tmp_path / "odd" / "libodd.so", "int odd(void) { return 42; }")
    source = "int odd(void); int answer(void) { return odd(); }"
    natives = {ASKER: Native(path=compiled(tmp_path / "ext.so", source, [nameless]))}
    asked = read_elf(natives[ASKER].path)
    assert asked is not None
    assert str(nameless) in asked.needed
    done = graft(natives, provided={}, library_dir="lib", target=target)
    assert [*done.added] == ["lib/libodd.so"]
    root = put_together(natives, done, tmp_path / "product")
    nameless.unlink()
    assert called(root / ASKER) == 42


def test_files_of_the_tree_find_one_another(target: Target, tmp_path: Path) -> None:
    own = library(tmp_path / "a", "libown.so.1", "int own(void) { return 42; }")
    source = "int own(void); int answer(void) { return own(); }"
    good = compiled(tmp_path / "good.so", source, [own, "-Wl,-rpath,$ORIGIN/../pkg.libs"])
    lost = compiled(tmp_path / "lost.so", source, [own, f"-Wl,-rpath,{own.parent}"])
    natives = {
        "site-packages/pkg.libs/libown.so.1": Native(path=own),
        "site-packages/pkg/good.so": Native(path=good),
        "site-packages/pkg/lost.so": Native(path=lost),
    }
    done = graft(natives, provided={}, library_dir="lib", target=target)
    assert not done.added
    assert [*done.edited] == ["site-packages/pkg/lost.so"]
    root = put_together(natives, done, tmp_path / "product")
    assert called(root / "site-packages/pkg/lost.so") == 42


def test_wheels_from_an_index_keep_their_bytes(target: Target, tmp_path: Path) -> None:
    spec = ElfSpec(
        machine=target.arch, needed=("libstdc++.so.6", "libX11.so.6", "libown-1a2b.so.1"),
        runpath="$ORIGIN/../pkg.libs:/project/build",
    )  # fmt: skip
    (tmp_path / "ext.so").write_bytes(make_elf(spec))
    own = ElfSpec(machine=target.arch, soname="libown-1a2b.so.1")
    (tmp_path / "own.so").write_bytes(make_elf(own))
    natives = {
        ASKER: Native(path=tmp_path / "ext.so", built=False),
        "site-packages/elsewhere/libown-1a2b.so.1": Native(path=tmp_path / "own.so", built=False),
    }
    done = graft(natives, provided={}, library_dir="lib", target=target)
    assert (done.edited, done.added, done.missing) == ({}, {}, ())


def test_the_c_plus_plus_library_comes_with_what_was_built_here(
    target: Target, tmp_path: Path
) -> None:
    require_tool("c++")
    source = tmp_path / "x.cpp"
    source.write_text("#include <iostream>\nvoid say() { std::cout << 1; }\n")
    out = tmp_path / "x.so"
    subprocess.run(["c++", "-shared", "-fPIC", source, "-o", out], check=True)
    done = graft({ASKER: Native(path=out)}, provided={}, library_dir="lib", target=target)
    assert "lib/libstdc++.so.6" in done.added
    index = graft(
        {ASKER: Native(path=out, built=False)}, provided={}, library_dir="lib", target=target
    )
    assert not index.added


def test_a_library_nobody_has_is_named_with_its_askers(target: Target, tmp_path: Path) -> None:
    for name in ("a", "b"):
        spec = ElfSpec(machine=target.arch, needed=("libc.so.6", "libnowhere_at_all.so.9"))
        (tmp_path / f"{name}.so").write_bytes(make_elf(spec))
    natives = {f"pkg/{name}.so": Native(path=tmp_path / f"{name}.so") for name in ("b", "a")}
    done = graft(natives, provided={}, library_dir="lib", target=target)
    (missing_one,) = done.missing
    assert missing_one.soname == "libnowhere_at_all.so.9"
    assert missing_one.askers == ("pkg/a.so", "pkg/b.so")


def test_files_for_other_machines_and_objects_are_data(target: Target, tmp_path: Path) -> None:
    other = "aarch64" if target.arch != "aarch64" else "x86_64"
    specs = {
        "other.so": ElfSpec(machine=other, needed=("libnowhere.so",)),
        "object.o": ElfSpec(machine=target.arch, kind=1, needed=("libnowhere.so",)),
    }
    natives = {}
    for name, spec in specs.items():
        (tmp_path / name).write_bytes(make_elf(spec))
        natives[name] = Native(path=tmp_path / name)
    (tmp_path / "text").write_text("text")
    natives["text"] = Native(path=tmp_path / "text")
    done = graft(natives, provided={}, library_dir="lib", target=target)
    assert (done.edited, done.added, done.missing) == ({}, {}, ())


def test_a_damaged_file_is_an_error_that_names_it(target: Target, tmp_path: Path) -> None:
    (tmp_path / "cut.so").write_bytes(make_elf(ElfSpec(needed=("x",)))[:120])
    with pytest.raises(BinaryFormatError, match=r"cut\.so"):
        graft(
            {"cut.so": Native(path=tmp_path / "cut.so")},
            provided={}, library_dir="lib", target=target,
        )  # fmt: skip


def test_symbols_go_when_asked(two_deep: Path, target: Target) -> None:
    natives = {ASKER: Native(path=two_deep, strip=True)}
    done = graft(natives, provided={}, library_dir="lib", target=target)
    lean = done.edited[ASKER].read_bytes()
    assert b".debug_info" not in lean
    assert len(lean) < two_deep.stat().st_size
