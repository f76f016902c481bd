from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch.errors import NotAnApiError
from dwbatch.wire.objects import Batch, File, Page, RequestCounts, decode

OPTIONAL_OF_A_BATCH = [field for field in Batch.__struct_fields__ if field not in {"id", "status"}]


def read(body: object) -> Batch:
    return decode(msgspec.json.encode(body), Batch, named="batch", call="GET /batches/b", url="https://a/v1")


def test_a_batch_of_the_hosted_service_is_read() -> None:
    batch = read(
        {
            "id": "7b0c",
            "object": "batch",
            "status": "in_progress",
            "created_at": 1760000000,
            "request_counts": {"total": 2, "completed": 1, "failed": 0},
            "metadata": {"token": "t", "request_source": "api"},
            "dwext": {"source": "api"},
        }
    )

    assert batch.created_at == 1760000000
    assert batch.request_counts == RequestCounts(total=2, completed=1, failed=0)
    assert batch.metadata == {"token": "t", "request_source": "api"}
    assert batch.cancelled_at is None


def test_a_batch_of_the_openai_dialect_is_read() -> None:
    nothing = dict.fromkeys(OPTIONAL_OF_A_BATCH)
    complaint = {"code": "invalid", "line": 3, "message": "No model.", "param": None}

    batch = read(
        {
            **nothing,
            "id": "batch_1",
            "object": "batch",
            "status": "FAILED",
            "errors": {"object": "list", "data": [complaint]},
        }
    )

    assert batch.status == "failed"
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert (batch.errors.data[0].line, batch.errors.data[0].message) == (3, "No model.")


@given(absent=st.sets(st.sampled_from(OPTIONAL_OF_A_BATCH)))
def test_null_and_absent_are_alike(absent: set[str]) -> None:
    nulls: dict[str, Any] = {name: None for name in OPTIONAL_OF_A_BATCH if name not in absent}

    assert read({**nulls, "id": "b", "object": "batch", "status": "x"}) == Batch(id="b", status="x")


def test_counts_may_be_null_one_by_one() -> None:
    batch = read(
        {"id": "b", "object": "batch", "status": "x", "request_counts": {"total": None, "completed": 3}}
    )

    assert batch.request_counts == RequestCounts(completed=3)


@given(status=st.text())
def test_an_unknown_status_is_kept_in_lower_case(status: str) -> None:
    assert read({"id": "b", "object": "batch", "status": status}).status == status.lower()


def test_times_may_be_fractions_and_numbers_may_be_text() -> None:
    batch = read({"id": "b", "object": "batch", "status": "x", "created_at": 1.5, "expires_at": "7"})

    assert (batch.created_at, batch.expires_at) == (1.5, 7.0)


def test_a_message_about_a_strange_object_repeats_nothing_of_it() -> None:
    with pytest.raises(NotAnApiError) as caught:
        read({"id": "b", "object": "private", "status": "private"})

    assert "private" not in str(caught.value)
    assert "JSON that does not call itself a 'batch'" in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"", b"[" * 100_000, b'{"object": "list"}', b'{"object": "list", "data": [{}]}', b"null"]
)
def test_a_strange_body_is_not_an_object(body: bytes) -> None:
    with pytest.raises(NotAnApiError):
        decode(body, Page[File], named="list", call="GET /files", url="https://a/v1")
