"""``python -m sealift`` and the ``sealift`` command: arguments in, exit status out."""

import sys

from click import Command

from sealift import cli, console
from sealift.errors import SealiftError

INTERRUPTED = 130


def main() -> None:
    """Run the command line of ``sealift``."""
    run_command(cli.sealift, "sealift")


def run_command(command: Command, name: str) -> None:
    """Run ``command``; the only place where an error becomes an exit status."""
    try:
        status = command.main(prog_name=name, standalone_mode=False)
    except SealiftError as error:
        console.failure(error)
        status = error.exit_status
    except OSError as failure:
        if failure.filename is not None or failure.filename2 is not None:
            raise  # a bug: files have errors of their own
        status = console.broken(failure)
    except cli.ClickException as problem:
        _tell(problem, sys.argv[1:])
        status = problem.exit_code
    except (KeyboardInterrupt, cli.Abort):
        console.interrupted()
        status = INTERRUPTED
    sys.exit(status or 0)


def _tell(problem: cli.ClickException, arguments: list[str]) -> None:
    """Say what is wrong with the command line, in JSON where that is asked for anywhere in it."""
    asked = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--json" not in asked:
        problem.show()
        return
    context = getattr(problem, "ctx", None)
    command = context.command_path if context else "sealift"
    message = problem.format_message()
    hint = f"`{command} --help` lists what it takes"
    console.misuse(message, hint=hint, exit_status=problem.exit_code)


if __name__ == "__main__":
    main()
