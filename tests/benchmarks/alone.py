"""The process of one case: run it, and say what it cost as JSON."""

import importlib
import json
import sys
from dataclasses import asdict


def main() -> None:
    """Run the case that the command line names."""
    name, options = sys.argv[1], json.loads(sys.argv[2])
    module, _, function = name.rpartition(".")
    case = getattr(importlib.import_module(f"tests.benchmarks.{module}"), function)
    sys.stdout.write(json.dumps(asdict(case(**options))) + "\n")


if __name__ == "__main__":
    main()
