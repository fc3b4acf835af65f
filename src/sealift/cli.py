"""The command line: options in, one call of the pipeline, a table or JSON out.

Heavy imports stay inside commands, so that ``--help`` costs little.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click import Abort, ClickException

from sealift import __version__, console

__all__ = ["Abort", "ClickException", "sealift"]

Command = TypeVar("Command", bound=Callable[..., Any])

_EXAMPLES = """
\b
Examples:
  sealift build .                              a file that runs without Python
  sealift build httpie --entry http            by name; which of its commands
  sealift build script.py --out bin            a PEP 723 script
  sealift build . -f dir -f tar                a folder, and an archive of it
  sealift build . --python 3.13 --entry myapp.cli:main
  sealift plan . -t linux-aarch64              what would be shipped, and why not
  sealift bench dist/myapp --against "python -m myapp" -- --help
"""


def _output_options(command: Command) -> Command:
    def configure(context: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001  (click calls it)
        said = context.meta.setdefault("sealift.output", {})
        said[parameter.name or ""] = said.get(parameter.name) or value  # of the group, or its own
        console.configure(**said)

    for name, text in (
        ("--json", "Print JSON lines for machines."),
        ("--quiet", "Say nothing but results, warnings and errors."),
        ("--verbose", "Say more."),
    ):
        key = "as_json" if name == "--json" else name.removeprefix("--")
        command = click.option(
            name, key, is_flag=True, help=text, callback=configure, expose_value=False
        )(command)
    return command


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EXAMPLES,
)
@click.version_option(__version__, prog_name="sealift")
@_output_options
def sealift() -> None:
    """Ship Python software to every platform from one machine.

    A project goes in: a folder, a wheel, an sdist, a zip of code, a script or a name on the index.
    Out come files that run where no Python is installed.
    """


_given = click.argument("given", metavar="[INPUT]", default=".")
_extras = click.option("--extra", "extras", multiple=True, help="Extra of the project to ship.")
_groups = click.option("--group", "groups", multiple=True, help="Dependency group to ship besides.")
_INPUT_OPTIONS = (
    _given,
    click.option(
        "-t", "--target", "targets", multiple=True, metavar="TARGET",
        help="Machine to ship to; may be repeated. This machine by default.",
    ),
    click.option("--python", metavar="X.Y", help="Version of CPython to ship."),
    click.option("--entry", help="To start: a script's name, pkg.module:function, or pkg."),
    click.option("--name", help="Name of the product; the project's by default."),
    _extras,
    _groups,
    click.option("--lock", metavar="FILE", help="Lock to honour: pylock.toml, uv.lock, …"),
    click.option("--upgrade", is_flag=True, help="Resolve again instead of using a known lock."),
    click.option(
        "--interpreter", metavar="PROVIDER",
        help="Where Python comes from: local, standalone, debian, wheels, archive, or a path.",
    ),
    click.option(
        "--materialize", multiple=True, metavar="NAME",
        help='Distribution whose sources are real files, too; "python", "*" for all.',
    ),
    click.option("--mirror", metavar="URL", help="Where to download interpreters instead."),
)  # fmt: skip


def _input_options(command: Command) -> Command:
    for decorate in reversed(_INPUT_OPTIONS):
        command = decorate(command)
    return _output_options(command)


_format_option = click.option(
    "-f", "--format", "formats", multiple=True, metavar="FORMAT",
    help="What to make, such as onefile or nsis (`sealift targets` has all); may be repeated.",
)  # fmt: skip
_out_option = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("dist"),
    show_default=True, help="Folder for results.",
)  # fmt: skip


def _request(given: str, *, upgrade: bool = False, **options: Any) -> Any:
    from sealift.pipeline import Request

    return Request(given=given, overrides={k: v for k, v in options.items() if v}, upgrade=upgrade)


@sealift.command()
@_input_options
@_format_option
@_out_option
def build(out: Path, **options: Any) -> None:
    """Make files of INPUT that run without Python."""
    from sealift import pipeline, report

    report.artifacts(pipeline.make_artifacts(_request(**options), out))


@sealift.command()
@_input_options
@_format_option
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the plan's JSON here."
)
def plan(out: Path | None, **options: Any) -> None:
    """Show each distribution on each target.

    A wheel that is taken, one that is built, or the reason why there is none.
    """
    from sealift import pipeline, report

    request = _request(**options)
    project = pipeline.make_project(request)
    made = pipeline.make_jobs(project, upgrade=request.upgrade)
    report.plan(made, out)


@sealift.command()
@_input_options
@_out_option
def collect(out: Path, **options: Any) -> None:
    """Gather the wheels of INPUT.

    They are downloaded or built, verified, and laid into one folder a target below --out.
    """
    from sealift import pipeline, report

    request = _request(**options)
    project = pipeline.make_project(request)
    _, houses = pipeline.make_wheelhouses(project, upgrade=request.upgrade)
    report.wheelhouses(houses, out)


@sealift.command()
@_input_options
@_out_option
def stage(out: Path, **options: Any) -> None:
    """Write the manifest of all that would be shipped.

    One image-TARGET.json a target goes to --out; `sealift export` makes artifacts of them.
    """
    from sealift import pipeline, report

    request = _request(**options)
    project = pipeline.make_project(request)
    _, images = pipeline.make_images(project, upgrade=request.upgrade)
    report.images(images, out)


@sealift.command()
@click.argument("image", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_format_option
@_out_option
@_output_options
def export(image: Path, formats: tuple[str, ...], out: Path) -> None:
    """Make files of a staged IMAGE.

    IMAGE is an image-TARGET.json that `sealift stage` wrote.
    """
    from sealift import pipeline, report

    report.artifacts(pipeline.export_saved(image, formats or ("onefile",), out))


@sealift.command()
@_given
@click.option(
    "--python",
    metavar="X.Y",
    help="Oldest CPython to lock for; the oldest that INPUT runs on by default.",
)
@_extras
@_groups
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("pylock.toml"),
    show_default=True, help="The lock to write.",
)  # fmt: skip
@_output_options
def lock(out: Path, **options: Any) -> None:
    """Resolve INPUT into a pylock.toml (PEP 751).

    One lock serves all platforms and all newer Pythons; later builds choose from it.
    """
    from sealift import pipeline, report

    report.lock(pipeline.write_lock(_request(**options), out), out)


@sealift.command()
@click.argument(
    "folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default="."
)
@_output_options
def init(folder: Path) -> None:
    """Add a [tool.sealift] table to pyproject.toml.

    Every key stands there, commented out at its default.
    """
    from sealift import report, template

    report.settings(template.add_table(folder))


@sealift.command()
@_output_options
def targets() -> None:
    """List targets × formats, why not, and where Pythons come from."""
    from sealift import report

    report.targets()


@sealift.command()
@_output_options
def doctor() -> None:
    """Check what Sealift needs on this machine."""
    from sealift import checkup

    raise SystemExit(checkup.report())


@sealift.group(invoke_without_command=True)
@_output_options
@click.pass_context
def cache(context: click.Context) -> None:
    """List or clear what Sealift keeps on disk."""
    from sealift import report

    if context.invoked_subcommand is None:
        report.cache()


@cache.command()
@click.argument("kinds", nargs=-1)
@_output_options
def clear(kinds: tuple[str, ...]) -> None:
    """Delete everything, or only KINDS, as `sealift cache` names them."""
    from sealift import report

    report.clear(kinds)


def _add_others() -> None:
    from sealift.apple.command import notarize
    from sealift.audit.command import audit
    from sealift.bench.command import bench
    from sealift.cross.command import wheel
    from sealift.cross.environment.command import cross
    from sealift.lab.command import test
    from sealift.repair.command import repair
    from sealift.windows.command import manifest

    for command in (audit, bench, cross, manifest, notarize, repair, test, wheel):
        sealift.add_command(_output_options(command))
    for command in cross.commands.values():
        _output_options(command)


_add_others()
