"""The benchmarks run to their end at a size that measures nothing: what they say is true of the code as it is."""

import pytest

from tests.benchmarks.__main__ import table

PARTS = {
    "build": "200 short rows to JSONL: json.dumps loop / ours",
    "read": "200 result lines",
    "again": "the same call on 200 finished rows",
    "send": "upload of 1 MB",
    "whole": "a whole job of 40 rows",
    "serve": "the local server, 200 lines",
}


@pytest.mark.parametrize("part", PARTS)
def test_each_part_measures_and_says_so(part: str) -> None:
    printed = table(200, rounds=1, only=part)

    assert PARTS[part] in printed
    assert " x" in printed or " MB" in printed or " s" in printed
