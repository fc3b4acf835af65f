"""``sealift repair``: the command; what it does is imported when it runs."""

from pathlib import Path
from typing import Any

import click

_EXAMPLES = """
\b
Examples:
  sealift repair dist/app-1.0-cp313-cp313-linux_x86_64.whl
  sealift repair --floor manylinux_2_28 --exclude 'libcuda*' dist/*.whl
  sealift repair --search copied/opt/homebrew dist/app-1.0-cp313-cp313-macosx_11_0_arm64.whl
  sealift repair --search build/dlls dist/app-1.0-cp313-cp313-win_amd64.whl
"""


@click.command(epilog=_EXAMPLES)
@click.argument(
    "wheels",
    nargs=-1,
    required=True,
    metavar="WHEEL...",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)
@click.option(
    "--floor",
    metavar="TAG",
    help="Newest platform tag that will do; the oldest that can be had is taken anyway.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="LIBRARY",
    help="Leave a library to the users' machines; * stands for any text; may be repeated.",
)
@click.option(
    "--search",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Look for libraries here first; may be repeated.",
)
@click.option("--strip", "strips", is_flag=True, help="Take symbols out of every native file.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("wheelhouse"),
    show_default=True,
    help="Folder for the repaired wheels.",
)
def repair(wheels: tuple[Path, ...], out: Path, **options: Any) -> None:
    """Make wheels run on more machines.

    Libraries that the platform does not promise are taken into the wheel, found by names of their
    own, and listed in it; the tag becomes what the result keeps. Linux wheels take the libraries of
    this machine, those for macOS and Windows what --search has.
    """
    from sealift.repair.repairing import run

    run(wheels, out, options)
