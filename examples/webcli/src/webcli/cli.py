"""The command line."""

from importlib.metadata import version as version_of
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table

from webcli.checks import Check, Outcome, perform_all

app = typer.Typer(help="Checks that addresses answer as they should.", no_args_is_help=True)


def show(outcomes: list[Outcome]) -> None:
    """Print a table of outcomes."""
    table = Table(box=None, pad_edge=False)
    for column in ("", "address", "status", "ms", "bytes", "content"):
        table.add_column(column, overflow="fold")
    for outcome in outcomes:
        table.add_row(
            "[green]✓[/]" if outcome.is_good else "[red]✗[/]",
            str(outcome.url),
            str(outcome.status or outcome.problem),
            f"{outcome.seconds * 1000:.0f}",
            str(outcome.size),
            outcome.shape or outcome.media_type,
        )
    Console().print(table)


@app.command()
def check(
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="addresses to fetch")],
    expect: Annotated[int, typer.Option(help="the status they have to answer with")] = 200,
    timeout: Annotated[float, typer.Option(help="seconds to wait for each")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Fetch each URL; exit with 1 unless all are as expected."""
    try:
        checks = [Check.model_validate({"url": url, "expect": expect}) for url in urls]
    except ValidationError as problem:
        (first, *_) = problem.errors()
        raise typer.BadParameter(f"{first['input']!r}: {first['msg']}") from None
    outcomes = perform_all(checks, timeout=timeout)
    if as_json:
        typer.echo(TypeAdapter(list[Outcome]).dump_json(outcomes, indent=2).decode())
    else:
        show(outcomes)
    if not all(outcome.is_good for outcome in outcomes):
        raise typer.Exit(1)


@app.command()
def versions() -> None:
    """Print the versions of the libraries."""
    for name in ("httpx", "pydantic", "pydantic-core", "rich", "typer", "webcli"):
        typer.echo(f"{name} {version_of(name)}")
