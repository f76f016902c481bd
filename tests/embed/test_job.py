"""A call for vectors leaves a job that knows what they are, in this process and in another."""

import threading
from typing import Any

import numpy as np
import pytest

import dwbatch
from dwbatch.local import Server
from tests.embed.calling import TEXTS, embed, found, says
from tests.waiting import timed_out

VECTORS = {"one": [1.0, 0.5], "two": [0.0, 2.0], "three": [3.0, 4.0]}


def attached(server: Server) -> dwbatch.Job:
    return dwbatch.attach("job", base_url=server.base_url)


@pytest.mark.parametrize("text", ["text", "{text}", None])
def test_a_timeout_hands_over_a_job_that_gives_the_frame_of_the_call(text: str | None) -> None:
    may_answer, answer = threading.Event(), says(VECTORS)

    def slowly(body: dict[str, Any]) -> dict[str, Any]:
        assert may_answer.wait(60)
        return answer(body)

    with Server(answer=slowly) as server:
        job, _ = timed_out(lambda timeout: embed(server, text=text, timeout=timeout))
        may_answer.set()

        out = job.result(progress=False)
        again = job.result(TEXTS.iloc[::-1], progress=False)

    assert [vector for vector, _, _ in found(out)] == [*VECTORS.values()]
    assert [vector for vector, _, _ in found(again)] == [*VECTORS.values()][::-1]


def test_a_folder_alone_gives_vectors_and_not_text() -> None:
    with Server(answer=says(VECTORS)) as server:
        embed(server, dimensions=2)

        out = attached(server).result(progress=False)

    assert [vector for vector, _, _ in found(out)] == [*VECTORS.values()]
    assert all(vector.dtype == np.float32 for vector in out["embedding"])


def test_a_folder_alone_puts_its_vectors_on_a_frame() -> None:
    with Server(answer=says(VECTORS)) as server:
        embed(server, dimensions=2)

        by_content = attached(server).result(TEXTS.iloc[[2, 0]], progress=False)
        custom_ids = embed(server, dimensions=2, details=True)["embedding_custom_id"]
        joined = attached(server).result(custom_ids.to_frame("id"), on="id", progress=False)

    assert [vector for vector, _, _ in found(by_content)] == [VECTORS["three"], VECTORS["one"]]
    assert [vector for vector, _, _ in found(joined)] == [*VECTORS.values()]


def test_a_returned_frame_leads_back_to_its_vectors() -> None:
    with Server(answer=says(VECTORS)) as server:
        out = embed(server, output="v")

        again = dwbatch.attach(out, base_url=server.base_url).result(progress=False)

    assert [vector for vector, _, _ in found(again, "v")] == [*VECTORS.values()]
