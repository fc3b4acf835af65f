import sys

from guestbook.cli import main

sys.exit(main())
