"""A server for the tests of this folder."""

from collections.abc import Iterator

import pytest

from dwbatch.local import Server


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that echoes."""
    with Server() as running:
        yield running
