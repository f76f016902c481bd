from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import dwbatch
from dwbatch import InputError, UnknownParameterError
from dwbatch.local import Server
from tests.api.calling import posts
from tests.embed.calling import TEXTS, embed, fails, found, says

LONG = {"one": [1.0, 0.5], "two": [0.0, 1.0], "three": [0.25, 0.0]}


@pytest.mark.promise
def test_every_row_gets_its_own_vector_of_float32(server: Server) -> None:
    out = embed(server, dimensions=8)

    assert out.index.tolist() == ["a", "a", "b"]
    assert [(vector.dtype, vector.shape) for vector in out["embedding"]] == [(np.float32, (8,))] * 3
    assert len({vector.tobytes() for vector in out["embedding"]}) == 3
    assert out["embedding_status"].tolist() == ["ok"] * 3


@pytest.mark.promise
def test_a_row_that_failed_has_no_vector_and_never_zeros() -> None:
    frame = pd.DataFrame({"text": ["one", None, "two"]})
    with Server(answer=says(LONG), outcomes=fails("two")) as server:
        out = embed(server, frame)

    assert found(out) == [
        ([1.0, 0.5], "ok", None),
        (None, "skipped", "null_input"),
        (None, "failed", "http_400"),
    ]


def test_the_same_call_again_sends_nothing_and_reads_the_same_vectors(server: Server) -> None:
    first = embed(server)
    sent = posts(server)

    again = embed(server)

    assert posts(server) == sent
    assert found(again) == found(first)


def test_vectors_travel_as_base64_and_as_numbers_where_the_server_prefers_those() -> None:
    asked: list[dict[str, Any]] = []
    speak = says(LONG)

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        asked.append(body)
        return speak(body)

    with Server(answer=answer) as server:
        out = embed(server)

    assert {body["encoding_format"] for body in asked} == {"base64"}
    assert [vector for vector, _, _ in found(out)] == [[1.0, 0.5], [0.0, 1.0], [0.25, 0.0]]


def test_base64_and_numbers_are_the_same_vectors(server: Server) -> None:
    packed = embed(server)

    plain = embed(server, extra_body={"encoding_format": "float"})

    assert found(plain) == found(packed)


def test_a_template_makes_one_text_of_several_columns() -> None:
    frame = pd.DataFrame({"title": ["A", None], "body": ["b", "c"]})
    with Server(answer=says({"A. b": [3.0]})) as server:
        out = embed(server, frame, "{title}. {body}")

    assert found(out) == [([3.0], "ok", None), (None, "skipped", "null_input")]


def test_a_column_is_found_by_its_name_whatever_it_is_made_of() -> None:
    frame = pd.DataFrame({"a {b}: c!": ["one"]})
    with Server(answer=says(LONG)) as server:
        out = embed(server, frame, "a {b}: c!")

    assert found(out) == [([1.0, 0.5], "ok", None)]


def test_a_series_is_embedded_without_naming_it(server: Server) -> None:
    out = embed(server, pd.Series(["one", "two"], name="said"), None, dimensions=2)

    assert list(out.columns) == [
        "said",
        "embedding",
        "embedding_status",
        "embedding_error_code",
        "embedding_error",
    ]
    assert [len(vector) for vector in out["embedding"]] == [2, 2]


def test_a_frame_of_several_columns_wants_the_text_named(server: Server) -> None:
    with pytest.raises(InputError, match=r"embed\(\) needs the name of a column or a template"):
        embed(server, TEXTS.assign(n=1), text=None)


def test_equal_texts_are_sent_once_without_a_word(server: Server) -> None:
    out = embed(server, pd.DataFrame({"text": ["one"] * 4}))

    assert len(server.ledger()) == 1
    assert len({vector.tobytes() for vector in out["embedding"]}) == 1


def test_a_vector_may_be_changed_in_one_row_alone(server: Server) -> None:
    out = embed(server, pd.DataFrame({"text": ["one"] * 2}), dimensions=4)

    out["embedding"][0][:] = 9

    assert (out["embedding"][1] != 9).all()


def test_a_vector_of_another_length_than_asked_is_invalid() -> None:
    with Server(answer=says({**LONG, "two": [1.0, 2.0, 3.0]})) as server:
        out = embed(server, dimensions=2)

    assert found(out)[1] == (None, "invalid", "schema_mismatch")
    assert out["embedding_error"].iloc[1] == "The vector has 3 numbers, not 2."
    assert out["embedding_status"].tolist() == ["ok", "invalid", "ok"]


def test_a_vector_of_another_length_than_the_others_is_invalid() -> None:
    with Server(answer=says({**LONG, "one": [1.0]})) as server:
        out = embed(server)

    assert out["embedding_status"].tolist() == ["invalid", "ok", "ok"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("AADAfwAAgD8=", "The vector holds something that is no finite number."),
        ([1e39, 1.0], "The vector holds something that is no finite number."),
        ("AAA", "The answer holds no vector, or several."),
        (["1", 2], "The answer holds no vector, or several."),
        ([True, False], "The answer holds no vector, or several."),
        ([], "The answer holds no vector, or several."),
        (None, "The answer holds no vector, or several."),
    ],
    ids=["nan", "beyond float32", "no base64", "texts", "truths", "empty", "null"],
)
def test_an_answer_that_is_no_vector_is_invalid_and_costs_its_row_alone(said: object, sentence: str) -> None:
    with Server(answer=says({**LONG, "two": said})) as server:
        out = embed(server)

    assert out["embedding_status"].tolist() == ["ok", "invalid", "ok"]
    assert out["embedding_error"].iloc[1] == sentence
    assert out["embedding"].iloc[1] is None


def test_an_invalid_vector_is_asked_for_again_if_that_is_said() -> None:
    said: dict[str, Any] = {**LONG, "two": [1.0]}
    with Server(answer=says(said)) as server:
        embed(server, dimensions=2)
        said["two"] = [1.0, 1.0]

        out = embed(server, dimensions=2, retry="invalid")

        assert found(out)[1] == ([1.0, 1.0], "ok", None)
        assert len(server.ledger()) == 4


def test_another_length_of_vectors_is_another_request(server: Server) -> None:
    embed(server, dimensions=4)

    out = embed(server, dimensions=8)

    assert [len(vector) for vector in out["embedding"]] == [8] * 3
    assert len(server.ledger()) == 6


def test_the_frame_survives_parquet(server: Server, tmp_path: Path) -> None:
    out = embed(server, pd.DataFrame({"text": ["one", None]}), dimensions=4)

    out.to_parquet(tmp_path / "out.parquet")
    back = pd.read_parquet(tmp_path / "out.parquet")

    np.testing.assert_array_equal(back["embedding"][0], out["embedding"][0])
    assert back["embedding"][0].dtype == np.float32
    assert back["embedding"][1] is None


def test_the_checkpoint_keeps_typed_vectors_and_not_their_bodies(server: Server) -> None:
    embed(server, dimensions=4)

    kept = pq.read_table("job/results/00001.parquet")

    assert str(kept.schema.field("embedding").type) == "large_list<element: float>"
    assert kept["body"].null_count == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "txt",
            r"'txt' is no column of the frame, and names none in braces\. Columns: 'text'\. Nothing was sent",
        ),
        ("{txt}", "Column 'txt' is named in the text but not in the frame. Did you mean 'text'"),
        (3, r"embed\(\) needs the name of a column or a template"),
    ],
)
def test_a_text_that_names_no_column_is_refused(server: Server, text: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        embed(server, text=text)

    assert posts(server) == []


@pytest.mark.parametrize(
    "option", ["temperature", "system", "response_format", "messages", "stop", "max_tokens", "n", "tools"]
)
def test_an_option_that_means_nothing_for_a_vector_is_refused_by_name(option: str) -> None:
    with pytest.raises(UnknownParameterError, match=rf"embed\(\) does not take {option}=: an embedding is "):
        dwbatch.embed(TEXTS, "text", **{"model": "m", option: None})  # type: ignore[call-overload] # what a person types


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dimensions": 0}, "dimensions= takes a whole number of at least 1; got 0"),
        ({"dimensions": 2.5}, "dimensions= takes a whole number of at least 1; got 2.5"),
        ({"extra_body": {"dimensions": 3}}, "extra_body repeats 'dimensions'; say dimensions= instead"),
        ({"extra_body": {"input": "x"}}, "extra_body repeats 'input'; give the text instead"),
        ({"dimension": 3}, r"embed\(\) does not know 'dimension'"),
    ],
)
def test_a_wrong_option_is_refused_with_the_fix(server: Server, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        embed(server, **options)


def test_help_shows_the_options_of_embed_and_no_others() -> None:
    shown = dwbatch.embed.__doc__ or ""
    signature = str(__import__("inspect").signature(dwbatch.embed))

    assert "dimensions" in signature
    assert "output: str = 'embedding'" in signature
    assert "temperature" not in signature
    assert "refused by name" in shown


def test_an_empty_frame_and_one_that_failed_have_the_same_columns(server: Server) -> None:
    nothing = embed(server, TEXTS.iloc[:0])

    whole = embed(server)

    assert nothing.dtypes.to_dict() == whole.dtypes.to_dict()


def test_two_outputs_stand_beside_each_other(server: Server) -> None:
    out = embed(server, embed(server, dimensions=2), dimensions=3, output="wide")

    assert [len(vector) for vector in out["wide"]] == [3] * 3
    assert [len(vector) for vector in out["embedding"]] == [2] * 3
