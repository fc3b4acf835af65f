"""Patches to sources: unified diffs, applied by GNU patch as strictly as Debian applies its own."""

import os
from pathlib import Path

from sealift import process
from sealift.errors import SealiftError
from sealift.tools import PATCH

_STRICTLY = (
    "-p1",  # paths begin with a/ and b/
    "-F0",  # every line of context is there
    "-N", "-u", "-E", "-s", "-r", "-",
    "--version-control=never", "--no-backup-if-mismatch",
)  # fmt: skip
_TIMEOUT = 60


def apply_patch(
    patch: Path, folder: Path, *, error: type[SealiftError], action: str, hint: str | None = None
) -> None:
    """Apply ``patch`` to the files in ``folder``, the first part of its paths left out.

    Raises ``error`` with "cannot ``action``" where it does not fit, and
    :class:`~sealift.errors.ToolError` where there is no ``patch``.
    """
    process.run(_command(patch, folder), error=error, action=action, hint=hint)


def fits(patch: Path, folder: Path) -> bool:
    """Whether ``patch`` could be applied to the files in ``folder``, which stay as they are.

    Raises :class:`~sealift.errors.ToolError` where there is no ``patch``.
    """
    command = [*_command(patch, folder), "--dry-run"]
    return process.attempt(command, env=os.environ, timeout=_TIMEOUT).status == 0


def _command(patch: Path, folder: Path) -> list[str | Path]:
    return [PATCH.require(), *_STRICTLY, "--input", patch.absolute(), "--directory", folder]
