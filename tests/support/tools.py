"""What tests need of the machine: present, or the test is skipped with the reason."""

import functools
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Skip the test on a laptop; fail it where ``CI`` is set, where everything has to run."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


def require_tool(name: str) -> Path:
    """The program called ``name``."""
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if not found:
        missing(f"needs {name}")
    return Path(found)


@functools.cache
def _namespaces_work() -> bool:
    unshare = shutil.which("unshare")
    if not unshare:
        return False
    command = [unshare, "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "x", "/mnt"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def require_namespaces() -> None:
    """User and mount namespaces, in which a test may mount file systems of its own."""
    if not _namespaces_work():
        missing("needs user and mount namespaces")


def require_root() -> None:
    """Rights to become other users."""
    if os.geteuid() != 0:
        missing("needs root")
