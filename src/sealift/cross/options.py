"""Options that the commands for other machines have in common."""

import click

floor_option = click.option(
    "--floor",
    metavar="VERSION",
    help="Oldest system to run on, such as glibc 2.28; the oldest that can be had by default.",
)
library_option = click.option(
    "--library",
    "libraries",
    multiple=True,
    metavar="NAME",
    help="C library to build with, such as libpq; may be repeated.",
)
