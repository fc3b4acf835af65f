"""``sealift wheel``: the command; what it does is imported when it runs."""

from pathlib import Path
from typing import Any

import click

from sealift.cross.options import floor_option, library_option

_EXAMPLES = """
\b
Examples:
  sealift wheel markupsafe -t linux-aarch64
  sealift wheel . -t linux-x86_64 -t linux-armv7l -t linux-aarch64-musl
  sealift wheel numpy==2.3.5 -t linux-riscv64 --python 3.13
  sealift wheel dist/app-1.0.tar.gz -t linux-aarch64 --toolchain gcc
  sealift wheel psycopg2 -t linux-aarch64 --floor 2.28 --library libpq
"""


@click.command(epilog=_EXAMPLES)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option(
    "-t",
    "--target",
    "targets",
    multiple=True,
    metavar="TARGET",
    help="Machine to build for; may be repeated. This machine by default.",
)
@click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="X.Y",
    help="CPython to build for, 3.13t without a global lock; may be repeated. The newest here by "
    "default.",
)
@floor_option
@click.option(
    "--toolchain",
    metavar="NAME",
    help="zig (the default), gcc (Debian's cross compilers), or how paths of programs begin.",
)
@library_option
@click.option(
    "-C",
    "--config-setting",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Setting of the build backend (PEP 517); may be repeated.",
)
@click.option(
    "--env",
    "environment",
    multiple=True,
    metavar="NAME=VALUE",
    help="Variable that the build backend sees; may be repeated.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("wheelhouse"),
    show_default=True, help="Folder for the wheels.",
)  # fmt: skip
def wheel(inputs: tuple[str, ...], out: Path, **options: Any) -> None:
    """Build wheels of INPUT for other machines, here.

    INPUT is a folder, an sdist or a requirement. What has native code is cross-compiled, then
    checked and repaired: its tag is the oldest system that its code runs on. Options for a package
    come from [tool.sealift.build.PACKAGE] of the pyproject.toml here, too.
    """
    from sealift.cross.wheels import run

    run(inputs, out, options)
