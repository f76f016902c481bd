"""``python -m dwbatch.local``: the server as a process of its own."""

import sys

from dwbatch.local.process import serve

if __name__ == "__main__":
    sys.exit(serve(sys.argv[1:]))
