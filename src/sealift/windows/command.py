"""``sealift manifest``: the command; what it does is imported when it runs."""

from pathlib import Path

import click

_EXAMPLES = """
\b
Examples:
  sealift manifest winget --url "https://github.com/me/app/releases/download/v{version}/{file}"
  sealift manifest scoop --url "https://example.org/{target}/{file}" --out bucket
"""


@click.command(epilog=_EXAMPLES)
@click.argument("kind", type=click.Choice(["winget", "scoop"]))
@click.argument(
    "artifacts",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("dist/artifacts.json"),
)
@click.option(
    "--url",
    required=True,
    help="Where the files will be, with {version}, {target} and {file} where these stand.",
)
@click.option("--id", "identifier", help="Identifier of the package in winget.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("manifests"),
    show_default=True,
    help="Folder to write them to.",
)
def manifest(kind: str, artifacts: Path, *, url: str, identifier: str | None, out: Path) -> None:
    """Write manifests of what was built, for winget or Scoop.

    ARTIFACTS is the list that `sealift build` wrote beside its files, dist/artifacts.json by
    default.
    """
    from sealift.windows.publishing import write_manifests

    write_manifests(kind, artifacts, url=url, identifier=identifier, out=out)
