"""``sealift cross``: the commands; what they do is imported when they run."""

from pathlib import Path
from typing import Any

import click

from sealift.cross.options import floor_option, library_option

_EXAMPLES = """
\b
Examples:
  sealift cross env linux-aarch64 arm
  . arm/bin/activate
  pip wheel --no-binary :all: markupsafe
  deactivate
"""


@click.group()
def cross() -> None:
    """Build for other machines by hand."""


@cross.command(epilog=_EXAMPLES)
@click.argument("target")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--python",
    metavar="X.Y",
    help="CPython to build for, 3.13t without its lock; Sealift's own by default.",
)
@floor_option
@click.option(
    "--toolchain",
    default="zig",
    show_default=True,
    metavar="NAME",
    help="zig, gcc (Debian's cross compilers), or how paths of programs begin.",
)
@library_option
@click.option("--clear", is_flag=True, help="Empty an environment that is there.")
def env(target: str, folder: Path, **options: Any) -> None:
    """Make an environment for TARGET in DIR.

    In it, `pip`, `python -m build` and `setup.py` cross-compile: `cross-python` answers as a Python
    on TARGET would, `build-python` is for what builds require.
    """
    from sealift.cross.environment.making import run

    run(target, folder, **options)
