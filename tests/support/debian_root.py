"""A root of Debian's packages: its Python and what that needs, to import wheels in."""

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.tools import require_namespaces, require_root, require_tool

PYTHON = (
    "libc6", "libgcc-s1", "zlib1g", "libexpat1", "libffi8", "libssl3", "libbz2-1.0", "liblzma5",
    "libsqlite3-0", "libstdc++6", "libuuid1", "libncursesw6", "libtinfo6", "libreadline8",
    "libcrypt1", "libdb5.3", "libnsl2", "libtirpc3",
    "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib",
)  # fmt: skip


@functools.cache
def debian_root(without: Sequence[str] = ()) -> Path:
    """A folder with Debian's ``python3.11`` and what it needs, less the packages ``without``."""
    require_root()
    require_namespaces()
    for tool in ("apt-get", "dpkg-deb", "chroot"):
        require_tool(tool)
    base = Path(tempfile.mkdtemp(prefix="sealift-debian-"))
    debs, root = base / "debs", base / "root"
    debs.mkdir(mode=0o755)
    wanted = [name for name in PYTHON if name not in without]
    subprocess.run(["apt-get", "download", "-qq", *wanted], cwd=debs, check=True)
    for deb in sorted(debs.iterdir()):
        subprocess.run(["dpkg-deb", "--extract", deb, root], check=True)
    shutil.rmtree(debs)
    # Debian's systems have these folders as links into usr, which base-files makes.
    for name in ("lib", "lib64", "bin", "sbin"):
        (root / "usr" / name).mkdir(parents=True, exist_ok=True)
        if (root / name).is_dir() and not (root / name).is_symlink():
            shutil.copytree(root / name, root / "usr" / name, dirs_exist_ok=True, symlinks=True)
            shutil.rmtree(root / name)
        if not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")
    return root


def python_in(root: Path, site: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in ``root`` with the modules in ``site`` importable."""
    place = Path(tempfile.mkdtemp(dir=root))
    shutil.copytree(site, place, dirs_exist_ok=True)
    command = ["chroot", str(root), "/usr/bin/python3.11", "-I", "-c"]
    prologue = f"import sys; sys.path.insert(0, '/{place.name}')\n"
    try:
        return subprocess.run(
            [*command, prologue + code], capture_output=True, text=True, check=False,
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        )  # fmt: skip
    finally:
        shutil.rmtree(place)
