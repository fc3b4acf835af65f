"""Names of C libraries: those people write, those of PEP 725, and the table they lead to."""

import re
from pathlib import Path

import pytest

from sealift.cross import library
from sealift.cross.library import (
    Library,
    external_libraries,
    libraries_for,
    parse_libraries,
    parse_library,
    script_table,
)
from sealift.errors import BuildError, ConfigError


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("libpq", "libpq"),
        ("libpq-dev", "libpq"),
        ("LIBPQ", "libpq"),
        ("libxml-2.0", "libxml2"),
        ("pkg:generic/openssl", "openssl"),
        ("pkg:generic/openssl@3.0?arch=any", "openssl"),
        ("dep:generic/libffi@>=3.4", "libffi"),
        ("dep:generic/libffi", "libffi"),
        ("dep:deb/debian/zlib1g-dev", "zlib"),
        ("virtual:interface/blas", "openblas"),
        ("dep:virtual/interface/lapack", "openblas"),
        ("pkg:github/libjpeg-turbo/libjpeg-turbo", "libjpeg"),
    ],
)
def test_names_of_people_debian_and_package_urls_lead_to_one_library(text: str, name: str) -> None:
    found = parse_library(text)
    assert found is not None
    assert found.name == name


def test_any_package_of_debian_with_headers_will_do() -> None:
    assert parse_library("libev-dev") == Library(name="libev-dev", debian="libev-dev")


@pytest.mark.parametrize("text", ["virtual:compiler/c", "dep:virtual/compiler/fortran"])
def test_a_compiler_is_no_library(text: str) -> None:
    assert parse_library(text) is None
    assert [found.name for found in parse_libraries([text, "zlib"])] == ["zlib"]


@pytest.mark.parametrize(
    "text", ["zlob", "pkg:generic/zlob", "../x-dev", "pkg:pypi/numpy", "https://example.org/z", ""]
)
def test_an_unknown_name_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_library(text)
    assert repr(text) in caught.value.message
    assert "-dev" in str(caught.value.hint)


def test_the_nearest_name_is_told() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_library("libpg")
    assert "did you mean libp" in str(caught.value.hint)


def test_libraries_are_taken_once() -> None:
    found = parse_libraries(["libssl-dev", "zlib", "openssl", "pkg:generic/zlib"])
    assert [it.name for it in found] == ["openssl", "zlib"]


def test_no_name_means_two_libraries() -> None:
    owners: dict[str, str] = {}
    for found, names in library._rows():
        for name in {name.lower() for name in names}:
            assert owners.setdefault(name, found.name) == found.name, name


def test_packages_of_the_index_need_libraries_that_are_known() -> None:
    for package, names in library._table()["packages"].items():
        assert libraries_for(package) == tuple(names)
        assert [found.name for found in parse_libraries(names)] == names
    assert libraries_for("requests") == ()


def test_programs_ask_pkg_config_for_modules_of_libraries_that_are_known() -> None:
    modules = {module for found, _ in library._rows() for module in found.modules}
    for name, row in script_table().items():
        assert row["module"] in {*modules, "mit-krb5-gssapi"}, name
        assert all(option == "module" or isinstance(row[option], str) for option in row)


def test_what_debian_brings_along_is_told_by_patterns() -> None:
    table = library.debian_table()
    left_out = re.compile(table["left_out"].replace("\n", ""))
    for name in ("libc6-dev", "libc6", "linux-libc-dev", "libstdc++6", "libgcc-s1", "icu-devtools"):
        assert left_out.fullmatch(name), name
    for name in ("libgcrypt20", "libcrypt1", "libcom-err2", "libgfortran5", "libcurl4", "libxml2"):
        assert not left_out.fullmatch(name), name
        assert re.fullmatch(table["followed"], name), name


def test_a_project_tells_what_it_links_to(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        "[external]\n"
        'build-requires = ["dep:virtual/compiler/c", "dep:generic/cmake"]\n'
        'host-requires = ["dep:generic/zlib", "dep:generic/libffi; sys_platform == \'linux\'"]\n'
    )
    assert external_libraries(tmp_path) == ("dep:generic/zlib", "dep:generic/libffi")


@pytest.mark.parametrize(
    "text", ["external = 3", "[external", "[external]\nhost-requires = 'zlib'"]
)
def test_damaged_metadata_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(BuildError, match=r"pyproject\.toml"):
        external_libraries(tmp_path)


def test_a_project_without_metadata_needs_nothing(tmp_path: Path) -> None:
    assert external_libraries(tmp_path) == ()
