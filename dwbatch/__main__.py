"""``python -m dwbatch``: the command line."""

import sys

from dwbatch.cli import main

if __name__ == "__main__":
    sys.exit(main())
