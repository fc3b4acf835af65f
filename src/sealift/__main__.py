"""``python -m sealift`` and the ``sealift`` command: arguments in, exit status out."""

import sys

from sealift import cli, console
from sealift.errors import SealiftError

INTERRUPTED = 130


def main() -> None:
    """Run the command line; the only place where an error becomes an exit status."""
    try:
        status = cli.sealift.main(prog_name="sealift", standalone_mode=False)
    except SealiftError as error:
        console.failure(error)
        status = error.exit_status
    except OSError as problem:
        if problem.filename is not None or problem.filename2 is not None:
            raise  # a bug: files have errors of their own
        status = console.broken(problem)
    except cli.UsageError as error:
        error.show()
        status = error.exit_code
    except (KeyboardInterrupt, cli.Abort):
        console.interrupted()
        status = INTERRUPTED
    sys.exit(status or 0)


if __name__ == "__main__":
    main()
