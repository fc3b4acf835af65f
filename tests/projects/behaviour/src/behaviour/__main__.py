"""What `python -m behaviour` runs."""

import sys

from behaviour.cli import main

if __name__ == "__main__":
    sys.exit(main())
