"""A root file system that holds the C library of this machine and nothing else."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sealift.binary.elf import read_elf
from sealift.libraries import find_library
from sealift.policy import load_policy
from sealift.target import current_target
from tests.support.tools import missing, require_namespaces, require_tool

_FAMILY = (
    "libc.so.6", "libm.so.6", "libmvec.so.1", "libdl.so.2", "libpthread.so.0", "librt.so.1",
    "libresolv.so.2", "libutil.so.1", "libanl.so.1", "libnss_files.so.2", "libnss_dns.so.2",
)  # fmt: skip


def make_bare_root(root: Path) -> Path:
    """Make the tree at ``root``; it has ``/proc``, ``/tmp`` and the loader at its usual place."""
    require_namespaces()
    facts = read_elf(Path(sys.executable).resolve())
    if facts is None or facts.interpreter is None:
        missing("needs a dynamically linked Python")
    for folder in ("proc", "tmp", "lib"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    loader = root / facts.interpreter.lstrip("/")
    loader.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(Path(facts.interpreter).resolve(), loader)
    for soname in _FAMILY:
        found = find_library(
            soname, asker=facts, rpaths=(), search=load_policy(current_target()).search
        )
        if found:
            place = root / str(found).lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(found.resolve(), place)
    return root


def run_in(
    root: Path, command: Sequence[str], *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run ``command`` with ``root`` as its whole file system and an empty environment."""
    script = 'mount --rbind /proc "$1/proc" && root=$1 && shift && exec chroot "$root" "$@"'
    unshare = str(require_tool("unshare"))
    path = os.pathsep.join((os.defpath, "/usr/sbin", "/sbin"))
    return subprocess.run(
        [unshare, "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", root, *command],
        check=check,
        capture_output=True,
        text=True,
        env={"PATH": path, "HOME": "/", "PYTHONDONTWRITEBYTECODE": "1"},
    )
