"""The command line: each line is printed only after the library did something."""

import tempfile
from pathlib import Path

import click
import psycopg2.extensions
import pycurl

from myapp import myextension

SAMPLE = b"the quick brown fox"
SAMPLE_CHECKSUM = 0x338F85C2  # FNV-1a, 32 bits


def check_psycopg2() -> None:
    """Let libpq write a connection string and read it back."""
    wanted = {"host": "db.example", "dbname": "it's here", "port": "5433"}
    dsn = psycopg2.extensions.make_dsn(**wanted)
    if psycopg2.extensions.parse_dsn(dsn) != wanted or psycopg2.extensions.libpq_version() < 90000:
        raise click.ClickException("psycopg2 does not work")


def check_pycurl() -> None:
    """Let libcurl fetch a file by its URL."""
    received = bytearray()
    with tempfile.TemporaryDirectory() as folder:
        sample = Path(folder, "sample")
        sample.write_bytes(SAMPLE)
        curl = pycurl.Curl()
        curl.setopt(pycurl.URL, sample.as_uri())
        curl.setopt(pycurl.WRITEFUNCTION, received.extend)
        curl.perform()
        curl.close()
    if received != SAMPLE:
        raise click.ClickException("pycurl does not work")


def check_myextension() -> None:
    """Let our own C code compute a checksum that is known."""
    if myextension.checksum(SAMPLE) != SAMPLE_CHECKSUM:
        raise click.ClickException("myextension does not work")


@click.group()
@click.version_option(package_name="myapp")
def main() -> None:
    """Show that native code from three places works."""


@main.command()
def run() -> None:
    """Use psycopg2, pycurl and our own extension."""
    check_psycopg2()
    click.echo("psycopg2 works!")
    check_pycurl()
    click.echo("pycurl works!")
    check_myextension()
    click.echo("myextension works!")


@main.command()
def versions() -> None:
    """Print the versions of the native libraries."""
    click.echo(f"libpq {psycopg2.extensions.libpq_version()}")
    click.echo(pycurl.version)


if __name__ == "__main__":
    main()
