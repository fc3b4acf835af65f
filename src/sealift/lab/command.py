"""``sealift test``: the command; what it does is imported when it runs."""

from pathlib import Path
from typing import Any

import click

_EXAMPLES = """
\b
Examples:
  sealift test dist/myapp
  sealift test dist/myapp --on debian-11 --on debian-sid --run "myapp --version"
  sealift test dist/myapp.exe
"""


@click.command(epilog=_EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--on",
    "systems",
    multiple=True,
    metavar="SYSTEM",
    help="System to run on: debian-10 to debian-14, debian-sid, wine; may be repeated. "
    "By default debian-11, debian-12 and debian-13, and wine for a program for Windows.",
)
@click.option(
    "--run",
    "line",
    metavar="COMMAND",
    help="Command to run there, in which FILE goes by its name; with --help by default.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long the command may take on each system.",
)
def test(file: Path, **options: Any) -> None:
    """Run FILE on other systems, and tell why it fails.

    FILE is a program, or a folder with one, for Linux or Windows; where it is for another CPU, that
    is emulated on Linux. It runs on a minimal system, or by wine, without network.
    """
    from sealift.lab.testing import run

    run(file, **options)
