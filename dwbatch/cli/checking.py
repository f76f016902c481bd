"""``dwbatch validate``: every fault of a request file at once."""

from pathlib import Path

import pandas as pd

from dwbatch.cli import words
from dwbatch.cli.codes import OK, USAGE
from dwbatch.cli.screen import screen_of
from dwbatch.request_files.reading import read_requests

EXAMPLE = "dwbatch validate requests.jsonl"
FAULTS = pd.Index(["line", "fault"])


def validate(arguments: list[str]) -> int:
    """Check a request file."""
    parser = words.parser_of(
        "validate",
        "Find every fault of a request file, each with its line. Nothing is sent. Ends with 2 if there is any.",
        EXAMPLE,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="JSONL, a request a line")
    words.add_output(parser)
    options = parser.parse_args(arguments)
    with screen_of(options) as screen:
        file = read_requests(options.file)
        faults = pd.DataFrame([(fault.line, fault.sentence) for fault in file.faults], columns=FAULTS)
        is_good = not file.faults and len(file) > 0
        models = dict(zip(*[part.to_pylist() for part in file.models.value_counts().flatten()], strict=True))
        if screen.is_json:
            screen.document(
                {"requests": len(file), "url": file.url or None, "models": models, "faults": faults}
            )
            return OK if is_good else USAGE
        told = f"{len(file):,} requests are fine" if is_good else f"{len(faults):,} faults"
        screen.show(screen.judged(told, is_good=is_good), {"url": file.url, "models": models}, None)
        screen.write([f"  {fault}" for fault in file.faults])
        if not is_good and not file.faults:
            screen.write(["The file holds no request."])
    return OK if is_good else USAGE
