"""The memory of members is used again."""

import platform
import subprocess
import sys

import pytest

_TOUCHED = """
import resource
from sealift.audit.content import keep_memory

keep_memory()
found = []
for _ in range(5):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(b"x") * (20 << 20)
    found.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(*found)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="what the C library of GNU does")
def test_the_memory_of_one_member_serves_the_next() -> None:
    run = subprocess.run(
        [sys.executable, "-c", _TOUCHED], check=True, stdout=subprocess.PIPE, text=True
    )
    first, *others = map(int, run.stdout.split())
    assert max(others) < first / 10
