import sys

from window.app import main

sys.exit(main())
