"""Patches to sources: unified diffs, applied by GNU patch as strictly as Debian applies its own."""

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


def apply_patch(
    patch: Path, folder: Path, *, error: type[SealiftError], action: str, hint: str | None = None
) -> None:
    """Apply ``patch`` to the files in ``folder``, the first part of its paths left out.

    Raises ``error`` with "cannot ``action``" where it does not fit, and
    :class:`~sealift.errors.ToolError` where there is no ``patch``.
    """
    process.run(
        [PATCH.require(), *_STRICTLY, "--input", patch.absolute(), "--directory", folder],
        error=error,
        action=action,
        hint=hint,
    )
