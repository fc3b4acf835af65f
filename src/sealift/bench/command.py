"""``sealift bench``: the command; what it does is imported when it runs."""

from pathlib import Path
from typing import Any

import click

DEFAULT_ARGUMENTS = ("--help",)
_TAIL = "sealift.bench.arguments"


class _CommandWithTail(click.Command):
    """A command that keeps what comes after ``--`` apart from its own arguments."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta[_TAIL] = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- ARGUMENTS]"]


_EXAMPLE = """
\b
Example:
  sealift bench dist/myapp --against ".venv/bin/python -m myapp" -- version
"""


@click.command(cls=_CommandWithTail, epilog=_EXAMPLE)
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@click.option(
    "--against",
    multiple=True,
    metavar="COMMAND",
    help="Command to compare with, the first is the baseline; may be repeated.",
)
@click.option(
    "--rounds",
    type=click.IntRange(1),
    default=15,
    show_default=True,
    help="How many times each program runs.",
)
@click.option("--cold", is_flag=True, help="Measure first starts too: with empty caches.")
@click.pass_context
def bench(context: click.Context, /, **options: Any) -> None:
    """Compare how fast programs start.

    All programs run in turn with the ARGUMENTS after --, or with --help.
    """
    from sealift.bench.comparison import compare

    compare(arguments=context.meta.get(_TAIL, DEFAULT_ARGUMENTS), **options)
