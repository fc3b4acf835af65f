"""C compiled for macOS on any machine, by the zig that also compiles launchers."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from sealift.launcher.compile import _zig
from sealift.target import load_targets

_TARGETS = {"arm64": "macos-arm64", "x86_64": "macos-x86_64"}


def macos_library(
    out: Path,
    source: str,
    *,
    install_name: str,
    cpu: str = "arm64",
    minimum: str = "11.0",
    links: Sequence[Path] = (),
    options: Sequence[str] = (),
) -> Path:
    """A dylib, or a module, which zig makes in the same way, at ``out``."""
    out.parent.mkdir(parents=True, exist_ok=True)
    code = out.with_suffix(".c")
    code.write_text(source)
    target = load_targets()[_TARGETS[cpu]]
    zig = _zig(target)
    subprocess.run(
        [*zig.command, "-target", f"{target.triple}.{minimum}", "-O1", "-shared",
         f"-Wl,-install_name,{install_name}", "-Wl,-undefined,dynamic_lookup",
         *options, code, *links, "-o", out],
        check=True, capture_output=True, env=zig.environment,
    )  # fmt: skip
    code.unlink()
    return out
