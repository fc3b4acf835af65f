"""``sealift notarize``: the command; what it does is imported when it runs."""

from pathlib import Path

import click

_EXAMPLES = """
\b
Examples:
  sealift notarize dist/MyApp-1.0.dmg --issuer 69a6de70-… --key-id 2X9R4HXF34 --key AuthKey.p8
  sealift notarize dist/MyApp.app --issuer … --key-id … --key … --submission 2efe2717-…
"""


@click.command(epilog=_EXAMPLES)
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path, exists=True))
@click.option("--issuer", required=True, metavar="UUID", help="Issuer of the API key.")
@click.option("--key-id", "number", required=True, metavar="ID", help="Number of the API key.")
@click.option(
    "--key",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The key of App Store Connect, a .p8 file.",
)
@click.option("--submission", metavar="UUID", help="Wait for one that was sent before.")
@click.option(
    "--timeout", default=60, show_default=True, metavar="MINUTES", help="How long to wait."
)
def notarize(
    path: Path, *, issuer: str, number: str, key: Path, submission: str | None, timeout: int
) -> None:
    """Have Apple look through FILE, which is for macOS.

    What it answers, a ticket, is put into the file, so that Macs open it without a question and
    without a network.
    """
    from sealift import console, jsonform
    from sealift.apple.notarizing import notarize as run
    from sealift.apple.notary import ApiKey, Notary

    notary = Notary(ApiKey(issuer=issuer, number=number, path=key))
    done = run(path.absolute(), notary, timeout=timeout * 60, submission=submission)
    console.result(jsonform.dump(done), f"{path} is notarized, its ticket is in it")
