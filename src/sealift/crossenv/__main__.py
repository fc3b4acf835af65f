"""``python -m sealift.crossenv HOST_PYTHON DIR``: with the options of crossenv 1.6."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sealift import __version__, console
from sealift.__main__ import run_command

_PATH = click.Path(path_type=Path)


_Function = TypeVar("_Function", bound=Callable[..., Any])


def _clear(name: str, text: str) -> Callable[[_Function], _Function]:
    return click.option(f"--{name}", "clear", flag_value=name, default=None, help=text)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("host_python", metavar="HOST_PYTHON", type=_PATH)
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=_PATH)
@click.option(
    "--cross-prefix",
    type=_PATH,
    metavar="FOLDER",
    help="Where cross-python and what it installs is to be; DIR/cross by default.",
)
@click.option(
    "--system-site-packages",
    is_flag=True,
    help="Let build-python see what is installed for the Python it is made of.",
)
@_clear("clear", "Empty an environment that is there; cross-python not, with --cross-prefix.")
@_clear("clear-cross", "Empty cross-python only.")
@_clear("clear-build", "Empty build-python only.")
@_clear("clear-both", "Empty both, wherever they are.")
@click.option("--without-pip", is_flag=True, help="Install no pip.")
@click.option("--without-cross-pip", is_flag=True, help="Install no pip for cross-python.")
@click.option(
    "--relative-toolchain",
    is_flag=True,
    help="Take the compilers that HOST_PYTHON was built with from PATH, wherever they were.",
)
@click.option("--cc", metavar="COMMAND", help="C compiler, instead of the one it was built with.")
@click.option("--cxx", metavar="COMMAND", help="C++ compiler, likewise.")
@click.option("--ar", metavar="COMMAND", help="Archiver of static libraries, likewise.")
@click.option(
    "--toolchain",
    metavar="NAME",
    help="zig, gcc, or how paths of programs begin, instead of all three. Not in crossenv.",
)
@click.option(
    "--config-var",
    "config_vars",
    multiple=True,
    metavar="NAME=VALUE",
    help="Variable of HOST_PYTHON's build that is to be another; may be repeated.",
)
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="Variable of cross-python's environment; may be repeated. NAME?=VALUE sets it where it is "
    "unset, NAME+=VALUE appends, NAME:=VALUE appends after a colon.",
)
@click.option(
    "--sysroot",
    type=_PATH,
    metavar="FOLDER",
    help="Where headers and libraries are found; what the compiler says by default.",
)
@click.option(
    "--sysconfigdata-file",
    "sysconfigdata",
    type=_PATH,
    metavar="FILE",
    help="The file of HOST_PYTHON's variables where there are several that differ.",
)
@click.option(
    "--manylinux", "manylinux", multiple=True, metavar="TAG", help="The same as --platform-tag."
)
@click.option(
    "--platform-tag",
    "platform_tags",
    multiple=True,
    metavar="TAG",
    help="Platform whose wheels pip may take, such as manylinux_2_17; may be repeated. "
    "By default it builds all.",
)
@click.option("--machine", metavar="NAME", help="What `uname -m` prints on the host.")
@click.option(
    "--python",
    metavar="X.Y.Z",
    help="Build-python: a version or a program; the one that runs this, where its version fits. "
    "Not in crossenv.",
)
@click.option("-v", "--verbose", count=True, help="Say more.")
@click.version_option(__version__, prog_name="sealift.crossenv")
def crossenv(verbose: int, **options: Any) -> None:
    """Make an environment in DIR that builds for HOST_PYTHON, the program of a Python.

    It may be installed, in its build folder, or in the image of a system. It is not run.
    """
    from sealift.cross.environment.given import run

    console.configure(verbose=bool(verbose), quiet=not verbose)
    run(**options)


if __name__ == "__main__":
    run_command(crossenv, "python -m sealift.crossenv")
