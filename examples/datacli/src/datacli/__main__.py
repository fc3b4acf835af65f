import sys

from datacli.cli import main

sys.exit(main())
