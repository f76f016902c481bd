"""Starts the server without the library around it, whose pandas takes seconds to import.

Run as a file, by its path: the package's own ``__init__`` would bring in the whole library.
"""

import sys
from pathlib import Path
from types import ModuleType

if __name__ == "__main__":
    bare = ModuleType("dwbatch")
    bare.__path__ = [str(Path(__file__).parents[1])]
    sys.modules["dwbatch"] = bare
    from dwbatch.local.process import serve

    sys.exit(serve(sys.argv[1:]))
