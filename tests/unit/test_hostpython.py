"""Host Pythons are read off their files, wherever they are, and what is wrong is told."""

import json
import os
import py_compile
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from sealift.cross.hostpython import read_host_python
from sealift.errors import InterpreterError
from tests.support.host_pythons import (
    NAME,
    VARIABLES,
    in_build_folder,
    installed,
    write_data,
    write_headers,
)


def test_an_installed_python_tells_what_it_is(tmp_path: Path) -> None:
    host = read_host_python(installed(tmp_path / "host", platform="linux-aarch64"))
    assert (host.feature, host.version) == ("3.13", "3.13.5")
    assert (host.home, host.prefix, host.root) == (tmp_path / "host", "/usr", None)
    assert host.name == NAME
    assert host.target.name == "linux-aarch64"
    assert host.headers == (tmp_path / "host/include/python3.13",)
    assert host.makefile == tmp_path / (
        "host/lib/python3.13/config-3.13-aarch64-linux-gnu/Makefile"
    )
    assert not host.is_free_threaded


def test_a_python_in_an_image_is_found_there_with_its_headers(tmp_path: Path) -> None:
    program = installed(tmp_path / "image/usr")
    host = read_host_python(program)
    assert host.root == tmp_path / "image"
    assert host.headers == (tmp_path / "image/usr/include/python3.13",)
    link = program.with_name("python3")
    link.symlink_to("/usr/bin/python3.13")  # which leads out of the image
    assert read_host_python(link).home == host.home


def test_headers_of_debian_are_the_cpu_s(tmp_path: Path) -> None:
    program = installed(tmp_path / "usr")
    own = tmp_path / "usr/include/aarch64-linux-gnu/python3.13"
    own.mkdir(parents=True)
    (own / "pyconfig.h").write_text("#define SIZEOF_LONG 8\n")
    assert read_host_python(program).headers[-1] == own


def test_a_python_in_its_build_folder_has_headers_in_two_places(tmp_path: Path) -> None:
    host = read_host_python(in_build_folder(tmp_path))
    assert host.home == tmp_path / "built"
    include, built = host.headers
    assert (include / "Python.h").is_file()
    assert (built / "pyconfig.h").is_file()
    assert host.makefile == tmp_path / "built/Makefile"
    assert host.version == "3.13.5"


def test_a_python_that_is_not_built_is_told_of(tmp_path: Path) -> None:
    program = in_build_folder(tmp_path)
    (tmp_path / "built/pybuilddir.txt").unlink()
    with pytest.raises(InterpreterError) as caught:
        read_host_python(program)
    assert "pybuilddir.txt" in caught.value.message
    assert caught.value.hint == "build that Python first: make"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, ("linux-aarch64", "aarch64", "gnu")),
        ({"MULTIARCH": "arm-linux-gnueabihf", "HOST_GNU_TYPE": "arm-unknown-linux-gnueabihf"},
         ("linux-armv7l", "armv7l", "gnu")),
        ({"MULTIARCH": "i386-linux-gnu", "HOST_GNU_TYPE": "i686-pc-linux-gnu"},
         ("linux-i686", "i686", "gnu")),
        ({"MULTIARCH": "powerpc64le-linux-gnu", "HOST_GNU_TYPE": "powerpc64le-unknown-linux-gnu"},
         ("linux-ppc64le", "ppc64le", "gnu")),
        ({"MULTIARCH": "aarch64-linux-musl", "HOST_GNU_TYPE": "aarch64-unknown-linux-musl"},
         ("linux-aarch64-musl", "aarch64", "musl")),
        # As buildroot calls them: CPython before 3.12 took musl for glibc.
        ({"HOST_GNU_TYPE": "aarch64-buildroot-linux-musl"},
         ("linux-aarch64-musl", "aarch64", "musl")),
        ({"MULTIARCH": "s390x-linux-gnu", "HOST_GNU_TYPE": "s390x-buildroot-linux-musl"},
         ("linux-s390x-musl", "s390x", "musl")),
        ({"MULTIARCH": "mips-linux-gnu", "HOST_GNU_TYPE": "mips-unknown-linux-gnu"},
         ("linux-mips", "mips", "gnu")),
    ],
)  # fmt: skip
def test_the_machine_is_what_its_kernel_calls_it(
    changed: dict[str, str], told: tuple[str, str, str], tmp_path: Path
) -> None:
    target = read_host_python(installed(tmp_path, **changed)).target
    assert (target.name, target.machine, target.abi) == told


def test_a_named_machine_counts(tmp_path: Path) -> None:
    changed = {"MULTIARCH": "arm-linux-gnueabihf", "HOST_GNU_TYPE": "arm-unknown-linux-gnueabihf"}
    target = read_host_python(installed(tmp_path, **changed), machine="armv6l").target
    assert (target.machine, target.wheel, target.abi) == ("armv6l", "armv6l", "gnu")


def test_bytecode_is_read_where_an_image_has_no_sources(tmp_path: Path) -> None:
    version = "{}.{}".format(*sys.version_info[:2])
    program = tmp_path / f"bin/python{version}"
    source = write_data(tmp_path / f"lib/python{version}/{NAME}.py", VERSION=version)
    py_compile.compile(str(source), cfile=str(source.with_suffix(".pyc")))
    source.unlink()
    write_headers(tmp_path / f"include/python{version}")
    program.parent.mkdir()
    program.touch()
    host = read_host_python(program)
    assert host.variables["HOST_GNU_TYPE"] == "aarch64-unknown-linux-gnu"
    assert host.feature == version


def test_files_of_newer_pythons_are_read(tmp_path: Path) -> None:
    """Those of 3.14 are called ``_sysconfig_vars__linux_….json`` and ``build-details.json``."""
    program = installed(tmp_path)
    folder = tmp_path / "lib/python3.13"
    (folder / f"{NAME}.py").unlink()
    name = NAME.replace("_sysconfigdata", "_sysconfig_vars")
    (folder / f"{name}.json").write_text(json.dumps(VARIABLES))
    version = {"major": 3, "minor": 13, "micro": 9, "releaselevel": "final", "serial": 0}
    details = {"platform": "linux-aarch64", "implementation": {"version": version}}
    (folder / "build-details.json").write_text(json.dumps(details))
    host = read_host_python(program)
    assert (host.name, host.version, host.feature) == (NAME, "3.13.9", "3.13")
    details["platform"] = "android-24-arm64_v8a"
    (folder / "build-details.json").write_text(json.dumps(details))
    assert "it is for android, not for Linux" in refused(program).message
    (folder / "build-details.json").write_text("{")
    assert "build-details.json: it is damaged" in refused(program).message


def refused(program: Path, **named: Any) -> InterpreterError:
    with pytest.raises(InterpreterError) as caught:
        read_host_python(program, **named)
    return caught.value


def test_what_is_no_python_is_told(tmp_path: Path) -> None:
    program = tmp_path / "bin/thing"
    assert "there is no such file" in refused(program).message
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    assert refused(program).message == f"cannot build for {program}: it is no Python"
    program = program.rename(program.with_name("python3"))
    said = refused(program)
    assert "it is no Python, or its library is not beside it" in said.message
    assert said.details == (f"there is no {tmp_path}/lib/python3.X",)
    said = refused(tmp_path)
    assert "it is a folder" in said.message
    assert str(said.hint).endswith("bin/python3")


def test_several_pythons_under_one_prefix_are_told_apart_by_name(tmp_path: Path) -> None:
    program = installed(tmp_path)
    shutil.copytree(tmp_path / "lib/python3.13", tmp_path / "lib/python3.12")
    assert read_host_python(program).feature == "3.13"
    plain = program.rename(program.with_name("python3"))
    said = refused(plain)
    assert "it may be of any of several" in said.message
    assert said.hint == "name the program as one of python3.12, python3.13"
    program.symlink_to("python3")
    plain.unlink()
    program.unlink()
    program.touch()
    plain.symlink_to("python3.13")
    assert read_host_python(plain).feature == "3.13"


def test_variables_that_differ_ask_for_a_choice(tmp_path: Path) -> None:
    program = installed(tmp_path)
    other = write_data(tmp_path / "lib/python3.13/_sysconfigdata_other.py", CC="other-gcc")
    said = refused(program)
    assert "several files of variables, and they differ" in said.message
    assert said.hint == "name one with --sysconfigdata-file"
    assert read_host_python(program, sysconfigdata=other).variables["CC"] == "other-gcc"
    write_data(other)
    assert read_host_python(program).feature == "3.13"


def test_missing_parts_are_named(tmp_path: Path) -> None:
    program = installed(tmp_path)
    (tmp_path / "include/python3.13/Python.h").unlink()
    said = refused(program)
    assert "there is no Python.h" in said.message
    assert "libpython3.13-dev" in str(said.hint)
    (tmp_path / f"lib/python3.13/{NAME}.py").unlink()
    assert "it has no _sysconfigdata*.py" in refused(program).message


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("build_time_vars = {", "no table"),
        ("build_time_vars = open('/etc/passwd')", "no table"),
        ("other = 1", "build_time_vars is not assigned"),
        ("build_time_vars = {'VERSION': '3.13'}", "it does not say EXT_SUFFIX, CC"),
    ],
)
def test_variables_are_read_not_run(text: str, reason: str, tmp_path: Path) -> None:
    program = installed(tmp_path)
    (tmp_path / f"lib/python3.13/{NAME}.py").write_text(text)
    assert reason in refused(program).message


def test_other_systems_are_refused(tmp_path: Path) -> None:
    said = refused(installed(tmp_path, platform="macosx-11.0-arm64"))
    assert "it is for macosx, not for Linux" in said.message


def test_a_launcher_for_this_machine_is_seen_through(tmp_path: Path) -> None:
    program = installed(tmp_path)
    shutil.copyfile("/bin/sh", program)
    if os.uname().machine == "aarch64":
        pytest.skip("this machine is the host")
    assert "but what was recorded when it was built is for aarch64" in refused(program).message
