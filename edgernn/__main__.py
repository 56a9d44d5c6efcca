"""``python -m edgernn``: the command line."""

import sys

from edgernn.cli import main

if __name__ == "__main__":
    sys.exit(main())
