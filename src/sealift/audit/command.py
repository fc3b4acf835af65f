"""``sealift audit``: the command; what it does is imported when it runs."""

import gc
from pathlib import Path
from typing import Any

import click

_EXAMPLES = """
\b
Examples:
  sealift audit dist/app-1.0-cp313-cp313-linux_x86_64.whl
  sealift audit --allow manylinux_2_17 --allow any wheelhouse/
  sealift audit --policy manylinux_2_28 --fail-on warning dist/*.whl
  sealift audit --select platform-tags dist/*.whl
  sealift audit --tree --svg needs.svg dist/myapp
"""
_MANY_OBJECTS = 100_000  # what is loaded and found stays to the end


@click.command(epilog=_EXAMPLES)
@click.argument("files", nargs=-1, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--explain", metavar="RULE", help="Say what a rule means and what to do; no FILE.")
@click.option("--policy", metavar="TAG", help="Platform that each subject has to run on.")
@click.option(
    "--allow",
    "allowed",
    multiple=True,
    metavar="TAG",
    help="Platform that a wheel may be for; may be repeated. An older one passes, too.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="LIBRARY",
    help="A library that the users' machines or another distribution bring; * stands for any text; "
    "may be repeated.",
)
@click.option(
    "--select",
    "selected",
    multiple=True,
    metavar="RULE",
    help="Look for what a rule or a family of rules finds, and for nothing else; may be repeated.",
)
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    metavar="RULE",
    help="Pass over the findings of a rule or a family of rules; may be repeated.",
)
@click.option("--sarif", "form", flag_value="sarif", help="Print SARIF 2.1.0.")
@click.option("--markdown", "form", flag_value="markdown", help="Print Markdown.")
@click.option("--tree", "form", flag_value="tree", help="Print who needs whom.")
@click.option(
    "--svg",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="PICTURE",
    help="Draw who needs whom; of one subject.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    help="Processes to use; all processors by default.",
)
@click.option(
    "--fail-on",
    type=click.Choice(("error", "warning", "never")),
    default="error",
    show_default=True,
    help="The least finding that makes the exit status 15.",
)
def audit(files: tuple[Path, ...], explain: str | None, **options: Any) -> None:
    """Tell where binary files run, and why not further.

    FILE is a wheel, an sdist, a folder, a virtual environment, a product of Sealift, a deb, an rpm,
    a container image, a program or a library. A folder of wheels means these, and sdists
    beside them; with wheels only in folders below, it is one unless packages are unpacked in it.

    A tag without an architecture means all of them.
    """
    gc.set_threshold(_MANY_OBJECTS)
    from sealift.audit import auditing

    if explain:
        auditing.explain(explain)
        return
    if not files:
        raise click.UsageError("Missing argument 'FILE...'.")
    auditing.run(files, **options)
