"""The host's answers, confirmed by compilers for it and by the Python that gives them."""

import functools
import json
import os
import subprocess
from pathlib import Path

import pytest

from sealift.cross.host import Host, make_host
from sealift.cross.rust import python_variables
from sealift.cross.toolchain import find_toolchain
from sealift.interpreters.candidates import search
from sealift.target import load_targets
from tests.support.tools import missing

pytestmark = pytest.mark.network

HOSTS = [
    name
    for name, target in load_targets().items()
    if target.os in {"linux", "macos", "windows"}
    and name not in {"macos-universal2", "windows-x86"}
]
FEATURES = ["3.11", "3.13"]

_CONFIRM = """
#include <Python.h>
#include <stdio.h>
#include <time.h>
#include <stddef.h>
#ifndef _WIN32
#include <pthread.h>
#endif
#define SAME(macro, value) _Static_assert((macro) == (value), #macro)
SAME(SIZEOF_LONG, sizeof(long));
SAME(SIZEOF_VOID_P, sizeof(void *));
SAME(SIZEOF_SIZE_T, sizeof(size_t));
SAME(SIZEOF_TIME_T, sizeof(time_t));
SAME(SIZEOF_OFF_T, sizeof(off_t));
SAME(SIZEOF_FPOS_T, sizeof(fpos_t));
SAME(SIZEOF_WCHAR_T, sizeof(wchar_t));
SAME(SIZEOF_LONG_DOUBLE, sizeof(long double));
#ifndef _WIN32
SAME(SIZEOF_PTHREAD_T, sizeof(pthread_t));
SAME(SIZEOF_PID_T, sizeof(pid_t));
#else
SAME(sizeof(_Py_PARSE_PID), sizeof("i"));
SAME(_Py_PARSE_PID[0], 'i');
#endif
SAME(SIZEOF_UINTPTR_T, sizeof(uintptr_t));
SAME(SIZEOF_LONG_LONG, sizeof(long long));
SAME(ALIGNOF_LONG, _Alignof(long));
SAME(ALIGNOF_SIZE_T, _Alignof(size_t));
#if defined(ALIGNOF_MAX_ALIGN_T) && !defined(__i386__) && !defined(_WIN32)
SAME(ALIGNOF_MAX_ALIGN_T, _Alignof(max_align_t));
#endif
#ifdef WORDS_BIGENDIAN
SAME(__BYTE_ORDER__, __ORDER_BIG_ENDIAN__);
#else
SAME(__BYTE_ORDER__, __ORDER_LITTLE_ENDIAN__);
#endif
#ifdef DOUBLE_IS_BIG_ENDIAN_IEEE754
SAME(__BYTE_ORDER__, __ORDER_BIG_ENDIAN__);
#endif
#ifndef _WIN32
#if defined(HAVE_GCC_UINT128_T) != defined(__SIZEOF_INT128__)
#error of the 128-bit integers
#endif
#if defined(HAVE_GCC_ASM_FOR_X64) != defined(__x86_64__)
#error of the CPU
#endif
#endif
"""


@functools.cache
def host_of(feature: str, name: str) -> Host:
    found = search(feature).found or missing(f"needs CPython {feature} with headers")
    return make_host(found.program, find_toolchain("zig", load_targets()[name]))


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("name", HOSTS)
def test_compilers_for_the_host_confirm_its_configuration(
    feature: str, name: str, tmp_path: Path
) -> None:
    host = host_of(feature, name)
    source = tmp_path / "confirm.c"
    source.write_text(_CONFIRM)
    done = subprocess.run(
        [host.toolchain.cc, "-c", "-O2", f"-I{host.headers}", source, "-o", tmp_path / "o"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not done.stderr, done.stderr
    assert done.returncode == 0


def test_rust_reads_the_answers_of_a_host_but_not_of_windows() -> None:
    arm = python_variables(host_of(FEATURES[0], "linux-aarch64"), "t")
    (answers,) = Path(str(arm["PYO3_CROSS_LIB_DIR"])).glob("_sysconfigdata*.py")
    assert "aarch64" in answers.name
    assert "python" not in str(arm["MATURIN_PEP517_ARGS"])
    windows = python_variables(host_of(FEATURES[0], "windows-x86_64"), "t")
    assert windows["PYO3_CROSS_LIB_DIR"] is None
    assert str(windows["MATURIN_PEP517_ARGS"]).endswith(f" -i python{FEATURES[0]}")


_ANSWERS = """
import json, os, platform, sys, sysconfig
v = sysconfig.get_config_var
print(json.dumps({
    "uname": os.uname().machine, "machine": platform.machine(),
    "platform": sysconfig.get_platform(),
    "suffix": v("EXT_SUFFIX"), "soabi": v("SOABI"), "long": v("SIZEOF_LONG"), "cc": v("CC"),
    "include": sysconfig.get_path("include"), "platinclude": sysconfig.get_path("platinclude"),
    "h": sysconfig.parse_config_h(open(sysconfig.get_config_h_filename()))["SIZEOF_VOID_P"],
    "purelib": sysconfig.get_path("purelib"),
}))
"""


def asked(host: Host, feature: str) -> dict[str, object]:
    found = search(feature).found
    assert found
    variables = {k: v for k, v in {**os.environ, **host.variables}.items() if v is not None}
    done = subprocess.run(
        [found.program, "-P", "-s", "-c", _ANSWERS],
        capture_output=True, text=True, check=True, env=variables,
    )  # fmt: skip
    answers: dict[str, object] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("feature", FEATURES)
def test_a_python_of_this_machine_answers_as_the_host(feature: str) -> None:
    host = host_of(feature, "linux-armv7l")
    told = asked(host, feature)
    number = feature.replace(".", "")
    assert told["uname"] == told["machine"] == "armv7l"
    assert told["platform"] == "linux-armv7l"
    assert told["suffix"] == host.ext_suffix == f".cpython-{number}-arm-linux-gnueabihf.so"
    assert told["soabi"] == f"cpython-{number}-arm-linux-gnueabihf"
    assert (told["long"], told["h"]) == (4, 4)
    assert told["include"] == told["platinclude"] == str(host.headers)
    assert told["cc"] == str(host.toolchain.cc)
    assert str(told["purelib"]).startswith(str(search(feature).found.prefix))  # type: ignore[union-attr]


def test_a_host_for_musl_has_its_own_suffix() -> None:
    told = asked(host_of("3.13", "linux-aarch64-musl"), "3.13")
    assert told["suffix"] == ".cpython-313-aarch64-linux-musl.so"
    assert told["platform"] == "linux-aarch64"
