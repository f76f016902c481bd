"""What a batch will cost and what it has cost."""

from collections.abc import Iterator

import pytest
import requests

from dwbatch.local import Model, Server
from tests.local.asking import create, finished, get, upload


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def test_analytics_are_nothing_until_a_row_was_answered() -> None:
    with Server(populate_delay_s=3600) as server:
        batch = create(server, upload(server, "a"))

        shown = get(server, f"/batches/{batch['id']}/analytics").json()

    assert shown == dict.fromkeys(
        ("total_requests", "total_prompt_tokens", "total_completion_tokens", "total_tokens"), 0
    )


def test_an_estimate_without_a_history_takes_a_tenth_more_out_than_in(server: Server) -> None:
    file_id = upload(server, *(f"row-{number}" for number in range(40)))

    shown = get(server, f"/files/{file_id}/cost-estimate").json()

    asked, said = shown["total_estimated_input_tokens"], shown["total_estimated_output_tokens"]
    assert (asked, said) == (shown["models"][0]["estimated_input_tokens"], int(asked * 1.1))


def test_an_estimate_of_embeddings_has_one_token_a_request_and_of_no_price_is_0() -> None:
    with Server(
        models={"m": Model(input_price="0", output_price="0"), "e": Model(kind="EMBEDDINGS")}
    ) as server:
        free = get(server, f"/files/{upload(server, 'a')}/cost-estimate").json()
        embedding = (
            b'{"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{"model":"e","input":"x"}}\n'
        )
        sent = {"file": ("e.jsonl", embedding * 3)}
        file_id = requests.post(f"{server.base_url}/files", files=sent, timeout=60).json()["id"]
        vectors = get(server, f"/files/{file_id}/cost-estimate").json()

    assert free["total_estimated_cost"] == "0"
    assert vectors["total_estimated_output_tokens"] == 3


def test_an_estimate_for_any_other_window_is_the_dear_one(server: Server) -> None:
    file_id = upload(server, *(f"row-{number}" for number in range(40)))

    day, hour, other = (
        float(
            get(server, f"/files/{file_id}/cost-estimate", completion_window=word).json()[
                "total_estimated_cost"
            ]
        )
        for word in ("24h", "1h", "soon")
    )

    assert 0 < day < hour == other


def test_a_result_file_costs_nothing(server: Server) -> None:
    batch = finished(server, "a")

    shown = get(server, f"/files/{batch['output_file_id']}/cost-estimate").json()

    assert (shown["total_requests"], shown["models"]) == (0, [])
