"""The main job in a few seconds: answers for a frame of questions, and nothing bought the second time."""

import argparse

from dwbatch.demo import labelled, scripted


def main(argv: list[str]) -> int:
    """Run the demo as a command.

    Parameters
    ----------
    argv : list of str
        Arguments after the command's name: ``--model`` or none.

    Returns
    -------
    int
        Exit status, 0.
    """
    parser = argparse.ArgumentParser(prog="dwbatch demo", description=__doc__, epilog="Example: dwbatch demo")
    parser.add_argument(
        "--model",
        action="store_true",
        help="let a small language model on this machine answer, on a few rows; it is installed apart",
    )
    if parser.parse_args(argv).model:
        labelled.run_demo()
    else:
        scripted.run_demo()
    return 0
