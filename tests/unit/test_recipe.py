"""Recipes: a table that holds together, and orders that put first what is needed."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.licenses import canonicalize_license_expression

from sealift.cross import source_build
from sealift.cross.library import parse_libraries
from sealift.cross.recipe import Recipe, build_triple, find_recipe, recipe_names, with_needs
from sealift.cross.source_build import SourceBuild
from sealift.cross.toolchain import Toolchain
from sealift.debian.sources import Source
from sealift.errors import RefusedError
from sealift.fetch import Remote
from sealift.owners import Owner, owners_of, record_owners
from sealift.target import Target, load_targets


def recipe_of(name: str) -> Recipe:
    found = find_recipe(name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_of_a_library_that_is_known(name: str) -> None:
    (library,) = parse_libraries([name])
    assert library.name == name
    recipe = recipe_of(name)
    assert bool(recipe.steps) != bool(recipe.compilation)
    assert canonicalize_license_expression(recipe.licence) == recipe.licence
    if recipe.compilation:
        assert recipe.compilation.module in library.modules or not library.modules


def test_what_is_needed_comes_first() -> None:
    target = load_targets()["linux-aarch64"]
    names = [recipe.name for recipe in with_needs(("libcurl", "libxslt", "zlib"), target)]
    assert sorted(names) == sorted({"libcurl", "openssl", "zlib", "libxslt", "libxml2"})
    for recipe in map(recipe_of, names):
        assert all(names.index(need) < names.index(recipe.name) for need in recipe.needed(target))


def test_where_the_system_has_it_nothing_is_needed() -> None:
    windows, mac = (load_targets()[name] for name in ("windows-arm64", "macos-arm64"))
    assert [recipe.name for recipe in with_needs(("libcurl",), windows)] == ["zlib", "libcurl"]
    assert "openssl" in [recipe.name for recipe in with_needs(("libcurl",), mac)]
    assert "--with-schannel" in recipe_of("libcurl").more["windows"]


def test_what_has_no_recipe_has_none() -> None:
    assert find_recipe("krb5") is None


@pytest.mark.parametrize(("target", "host"), [
    ("linux-i686", "i686-linux-gnu"), ("linux-aarch64-musl", "aarch64-linux-musl"),
    ("windows-x86_64", "x86_64-w64-mingw32"), ("macos-arm64", "aarch64-apple-darwin"),
])  # fmt: skip
def test_build_systems_know_the_target(target: str, host: str) -> None:
    assert build_triple(load_targets()[target]) == host


def test_a_recipe_has_values_for_the_cpu() -> None:
    targets = load_targets()
    assert recipe_of("openssl").values(targets["linux-armv7l"])["openssl"] == "linux-armv4"
    assert recipe_of("libjpeg").values(targets["linux-aarch64-musl"]) == {"simd": "ON"}
    assert recipe_of("libjpeg").values(targets["linux-s390x"]) == {"simd": "OFF"}
    assert recipe_of("zlib").values(targets["windows-arm64"]) == {}


def test_a_system_that_a_recipe_is_not_for_is_refused() -> None:
    with pytest.raises(RefusedError, match="xz for macos-arm64 from source: the recipe is for"):
        recipe_of("xz").values(load_targets()["macos-arm64"])
    with pytest.raises(RefusedError, match=r"openssl for windows-arm64 .* recipe is for x86_64"):
        recipe_of("openssl").values(load_targets()["windows-arm64"])


def test_openssl_trusts_no_folder_on_windows_that_anybody_may_make() -> None:
    values = recipe_of("openssl").values(load_targets()["windows-x86_64"])
    assert values["folder"].startswith("C:/Program Files/")


def build(target: Target, **changes: object) -> SourceBuild:
    programs = {name: Path(name) for name in ("cc", "cxx", "ar", "ranlib", "strip", "ld")}
    toolchain = Toolchain(name="zig", target=target, identity="zig", floor=(2, 17), **programs)
    remote = Remote("file:///zlib.orig.tar.xz", "00", 1)
    source = Source(name="zlib", version="1-1", files=(remote,))
    made = SourceBuild(
        recipe=recipe_of("zlib"), source=source, toolchain=toolchain, needs=(), variables={}
    )
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def test_a_build_is_known_by_what_goes_into_it() -> None:
    one = build(load_targets()["linux-aarch64"])
    source = dataclasses.replace(one.source, files=(Remote("file:///zlib.tar.xz", "01", 1),))
    recipe = dataclasses.replace(one.recipe, options=("--other",))
    keys = [
        one.key,
        build(load_targets()["linux-armv7l"]).key,
        build(one.toolchain.target, source=source).key,
        build(one.toolchain.target, recipe=recipe).key,
        build(one.toolchain.target, needs=(Path("other"),)).key,
    ]
    assert len(set(keys)) == len(keys)
    assert "frozenset" not in one.recipe.text(
        one.toolchain.target
    )  # whose order is another one in each process
    moved = dataclasses.replace(one.toolchain, cc=Path("/elsewhere/cc"))
    assert build(one.toolchain.target, toolchain=moved, variables={"A": "1"}).key == one.key


def test_a_tree_tells_whose_its_files_are(tmp_path: Path) -> None:
    owner = Owner(
        kind="deb", name="zlib", version="1-1", arch="source", system="debian",
        distro="debian-12", licence="Zlib",
    )  # fmt: skip
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/libz.so.1").write_bytes(b"")
    (tmp_path / "usr/lib/libz.so").symlink_to("libz.so.1")
    (tmp_path / "usr/lib/unknown.so").write_bytes(b"")
    record_owners(tmp_path, {"usr/lib/libz.so.1": owner})
    paths = [tmp_path / "usr/lib" / name for name in ("libz.so", "unknown.so")]
    assert owners_of(paths) == {paths[0]: owner}


def test_what_is_private_to_a_shared_library_is_told_of_a_static_one(tmp_path: Path) -> None:
    (tmp_path / "xml.pc").write_text(
        "prefix=/usr\nName: xml\nRequires.private: zlib >= 1.2\nLibs: -L${prefix}/lib -lxml\n"
        "Libs.private: -lm\nCflags: -I${prefix}/include\nRequires: other\n"
    )
    source_build._tell_private(tmp_path, ["ws2_32"])
    assert (tmp_path / "xml.pc").read_text().splitlines() == [
        "prefix=/usr", "Name: xml", "Libs: -L${prefix}/lib -lxml -lm -lws2_32",
        "Requires: zlib >= 1.2 other", "Cflags: -I${prefix}/include",
    ]  # fmt: skip


def test_values_and_options_of_a_system_are_for_that_alone() -> None:
    targets = load_targets()
    assert "--without-iconv" in recipe_of("libxml2").more["windows"]
    recipe = dataclasses.replace(
        recipe_of("openssl"), on=("linux", "windows"), systems={"windows": {"shared": "no"}},
        cpus={"x86_64": {"openssl": "linux-x86_64"}, "windows-x86_64": {"openssl": "mingw64"}},
    )  # fmt: skip
    assert recipe.values(targets["windows-x86_64"]) == {"openssl": "mingw64", "shared": "no"}
    assert recipe.values(targets["linux-x86_64"]) == {"openssl": "linux-x86_64"}
    with pytest.raises(RefusedError, match="windows-arm64"):
        recipe.values(targets["windows-arm64"])
    systems = {"linux": {"shared": "yes"}, "default": {"shared": "no"}}
    others = dataclasses.replace(recipe, on=("linux", "macos"), cpus={}, systems=systems)
    assert others.values(targets["linux-x86_64"]) == {"shared": "yes"}
    assert others.values(targets["macos-arm64"]) == {"shared": "no"}


def test_variables_of_a_system_are_for_that_alone() -> None:
    targets = load_targets()
    own: dict[str, str | Mapping[str, str]] = {"EVERYWHERE": "1", "macos": {"THERE": "2"}}
    recipe = dataclasses.replace(recipe_of("libffi"), environment=own)
    assert recipe.variables(targets["linux-aarch64"]) == {"EVERYWHERE": "1"}
    assert recipe.variables(targets["macos-arm64"]) == {"EVERYWHERE": "1", "THERE": "2"}
    assert "THERE" not in recipe.text(targets["linux-aarch64"])
    assert "THERE" in recipe.text(targets["macos-arm64"])
