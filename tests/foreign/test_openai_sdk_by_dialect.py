"""Where the dialects differ, the official SDK meets with the server's own manners."""

import openai
import pytest

from dwbatch.local import Server
from tests.foreign.calling import create, custom_ids, finish, jsonl

only_doubleword = pytest.mark.parametrize("dialect", ["doubleword"], indirect=True)
only_openai = pytest.mark.parametrize("dialect", ["openai"], indirect=True)


@only_doubleword
def test_a_doubleword_file_has_no_status_so_that_waiting_for_it_fails(client: openai.OpenAI) -> None:
    file = client.files.create(file=jsonl("a"), purpose="batch")

    with pytest.raises(RuntimeError, match="Giving up on waiting"):
        client.files.wait_for_processing(file.id, poll_interval=0, max_wait_seconds=-1)

    assert getattr(file, "status", None) is None


@only_openai
def test_an_openai_file_is_waited_for(client: openai.OpenAI) -> None:
    file = client.files.create(file=jsonl("a"), purpose="batch")

    waited = client.files.wait_for_processing(file.id, poll_interval=0, max_wait_seconds=-1)

    assert waited.status == "processed"


@only_doubleword
def test_doubleword_reads_skip_and_limit_and_no_offset(client: openai.OpenAI) -> None:
    batch = finish(client, create(client, "a", "b", "c"))
    whole = custom_ids(client, batch.output_file_id)

    assert custom_ids(client, batch.output_file_id, skip=1) == whole[1:]
    assert custom_ids(client, batch.output_file_id, skip=1, limit=1) == whole[1:2]
    assert custom_ids(client, batch.output_file_id, offset=1) == whole


@only_doubleword
def test_doubleword_says_how_far_the_lines_go(client: openai.OpenAI) -> None:
    batch = finish(client, create(client, "a", "b", "c"))
    assert batch.output_file_id is not None

    reply = client.files.with_raw_response.content(batch.output_file_id, extra_query={"skip": 1})

    assert (reply.headers["x-last-line"], reply.headers["x-incomplete"]) == ("3", "false")


@only_openai
def test_openai_sends_the_whole_file_whatever_is_asked(client: openai.OpenAI) -> None:
    batch = finish(client, create(client, "a", "b", "c"))

    assert custom_ids(client, batch.output_file_id, skip=1, limit=1) == ["a", "b", "c"]


@only_doubleword
def test_a_doubleword_batch_has_both_files_before_any_row_is_done(
    client: openai.OpenAI, server: Server
) -> None:
    server.faults.batch("stalled")

    batch = create(client, "a")

    assert batch.request_counts is not None
    assert batch.request_counts.total == 1
    assert custom_ids(client, batch.output_file_id) == custom_ids(client, batch.error_file_id) == []


@only_openai
def test_an_openai_batch_has_no_files_before_it_is_over(client: openai.OpenAI, server: Server) -> None:
    server.faults.batch("stalled")

    batch = create(client, "a")

    assert (batch.output_file_id, batch.error_file_id) == (None, None)


@only_doubleword
def test_doubleword_refuses_a_bad_line_at_once_in_a_plain_sentence(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.files.create(file=("job.jsonl", b"{}\n"), purpose="batch")

    assert isinstance(refused.value.body, str)
    assert refused.value.message == refused.value.body
    assert refused.value.body.startswith("Invalid JSON on line 1: missing field")


@only_openai
def test_openai_takes_a_bad_line_and_fails_the_batch(client: openai.OpenAI) -> None:
    file = client.files.create(file=("job.jsonl", b"{}\n"), purpose="batch")
    made = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )

    batch = finish(client, made)

    assert batch.status == "failed"
    assert batch.errors is not None
    assert [fault.line for fault in batch.errors.data or []] == [1]


@only_doubleword
def test_the_sdk_keeps_one_word_of_doublewords_429(client: openai.OpenAI, server: Server) -> None:
    server.faults.too_many("POST", "/files", why="upload_slot")

    with pytest.raises(openai.RateLimitError) as refused:
        client.files.create(file=jsonl("a"), purpose="batch")

    assert refused.value.body == "too_many_requests"
    assert refused.value.response.json()["message"].startswith("Too many file uploads")


@only_doubleword
def test_an_id_in_openais_spelling_is_refused_by_doubleword(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="Invalid file ID format"):
        client.files.retrieve("file-abc")


@only_doubleword
def test_cancelling_a_finished_doubleword_batch_relabels_it(client: openai.OpenAI) -> None:
    finished = finish(client, create(client, "a"))

    relabelled = client.batches.cancel(finished.id)

    assert (relabelled.status, relabelled.completed_at) == ("cancelled", finished.completed_at)


@only_openai
def test_cancelling_a_finished_openai_batch_is_a_conflict(client: openai.OpenAI) -> None:
    finished = finish(client, create(client, "a"))

    with pytest.raises(openai.ConflictError, match="Cannot cancel"):
        client.batches.cancel(finished.id)
