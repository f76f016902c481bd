from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwbatch import InputError, UnknownParameterError
from dwbatch.given import read_options
from dwbatch.limits import seconds
from dwbatch.local import Server
from dwbatch.options import NAMES, Options
from tests.api.calling import at, texts


@pytest.fixture(scope="module")
def silent() -> Iterator[Server]:
    """A server to which nothing may be said."""
    with Server() as server:
        yield server


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("max_completion_tokens", "max_tokens"),
        ("max_output_tokens", "max_tokens"),
        ("instructions", "system"),
        ("input", "prompt"),
        ("chat_template_kwargs", "reasoning_effort"),
        ("batch_size", "max_requests_per_batch"),
        ("client", "session"),
    ],
)
def test_names_from_elsewhere_are_answered_with_ours(silent: Server, name: str, ours: str) -> None:
    with pytest.raises(UnknownParameterError, match=rf"'{name}'; here it is called '{ours}'\.") as caught:
        at(silent)(texts("one"), **{name: 1})

    assert str(caught.value).endswith("Nothing was sent.")
    assert silent.exchanges() == []


def test_a_misspelt_option_is_answered_with_the_nearest(silent: Server) -> None:
    with pytest.raises(UnknownParameterError, match=r"'temprature'\. Did you mean 'temperature'\?"):
        at(silent)(texts("one"), temprature=0)

    assert silent.exchanges() == []


def test_an_unknown_option_is_shown_the_way_to_the_request_body(silent: Server) -> None:
    with pytest.raises(UnknownParameterError, match=r"goes into extra_body=\{'logit_bias': …\}"):
        at(silent)(texts("one"), logit_bias={})

    assert silent.exchanges() == []


def test_all_unknown_options_are_named_at_once(silent: Server) -> None:
    with pytest.raises(UnknownParameterError, match=r"'zzz'.*'instructions'"):
        at(silent)(texts("one"), zzz=1, instructions="x")


@pytest.mark.parametrize("model", [None, "", "  ", 7])
def test_a_call_without_the_name_of_a_model_is_refused(silent: Server, model: object) -> None:
    with pytest.raises(InputError, match=r"run\(\) needs model=, the name of a model, as in model='Qwen"):
        at(silent)(texts("one"), model=model)

    assert silent.exchanges() == []


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("temperature", -0.1, "temperature= takes a number from 0 to 2; got -0.1."),
        ("temperature", 2.1, "temperature= takes a number from 0 to 2; got 2.1."),
        ("temperature", "hot", "temperature= takes a number from 0 to 2; got 'hot'."),
        ("temperature", float("nan"), "temperature= takes a number from 0 to 2; got nan."),
        ("temperature", True, "temperature= takes a number from 0 to 2; got True."),
        ("top_p", 1.5, "top_p= takes a number from 0 to 1; got 1.5."),
        ("max_tokens", 0, "max_tokens= takes a whole number of at least 1; got 0."),
        ("max_tokens", 1.5, "max_tokens= takes a whole number of at least 1; got 1.5."),
        ("seed", 0.5, "seed= takes a whole number; got 0.5."),
        ("seed", float("inf"), "seed= takes a whole number; got inf."),
        ("stop", ["a", "b", "c", "d", "e"], "stop= takes one text or a list of up to four"),
        ("stop", [], "stop= takes one text or a list of up to four"),
        ("stop", [""], "none of them empty; got ['']."),
        ("stop", 3, "stop= takes one text or a list of up to four"),
        ("system", "", "system= takes a text that is not empty; got ''."),
        ("reasoning_effort", 1, "reasoning_effort= takes a text that is not empty; got 1."),
        ("output", "", "output= takes a text that is not empty; got ''."),
        ("completion_window", 24, "completion_window= takes a text that is not empty; got 24."),
        ("custom_id", 5, "custom_id= takes a text that is not empty; got 5."),
        ("edition", 2, "edition= takes a text; got 2."),
        ("name", "my job", "name= takes up to 64 ASCII letters, digits, '.', '_' and '-'"),
        ("name", "../up", "name= takes up to 64 ASCII letters"),
        ("name", "n" * 65, "name= takes up to 64 ASCII letters"),
        ("on_null", "drop", "on_null= takes 'skip', 'raise' or 'render'; got 'drop'."),
        ("dedupe", "yes", "dedupe= takes True or False; got 'yes'."),
        ("progress", 1, "progress= takes True or False; got 1."),
        ("details", None, "details= takes True or False; got None."),
        ("overwrite", "", "overwrite= takes True or False; got ''."),
        ("checkpoint", True, "checkpoint= takes a folder's path, None or False; got True."),
        ("checkpoint", 7, "checkpoint= takes a folder's path, None or False; got 7."),
        ("max_requests_per_batch", 0, "max_requests_per_batch= takes a whole number of at least 1; got 0."),
        ("max_bytes_per_batch", -1, "max_bytes_per_batch= takes a whole number of at least 1; got -1."),
        ("timeout", 0, "timeout= takes seconds, a text such as '8h', or a Timedelta, more than zero"),
        ("timeout", "soon", "timeout= takes seconds"),
        ("timeout", "10", "timeout= takes seconds"),
        ("timeout", float("inf"), "more than zero, or None; got inf."),
        ("timeout", float("nan"), "timeout= takes seconds"),
        ("timeout", pd.NaT, "timeout= takes seconds"),
        ("poll_interval", -1, "poll_interval= takes seconds"),
        ("poll_interval", True, "poll_interval= takes seconds"),
        ("session", "https", "session= takes a requests.Session; got 'str'."),
        ("metadata", {"a": 1}, "metadata= takes a mapping of texts to texts"),
        ("metadata", {str(n): "x" for n in range(14)}, "metadata= takes at most 13 pairs; got 14."),
        ("metadata", {"created_by": "me"}, "metadata= cannot use the key 'created_by'"),
        ("metadata", {"dwbatch": "me"}, "metadata= cannot use the key 'dwbatch'"),
        ("metadata", {"a": "x" * 513}, "keys of 1 to 64 and values of up to 512 characters"),
    ],
)
def test_a_value_out_of_range_is_refused(silent: Server, option: str, value: object, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        at(silent)(texts("one"), **{option: value})

    assert sentence in str(caught.value)
    assert silent.exchanges() == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"temperature": 1}, "extra_body repeats 'temperature'; say temperature= instead."),
        ({"max_tokens": 1}, "extra_body repeats 'max_tokens'; say max_tokens= instead."),
        ({"messages": []}, "extra_body repeats 'messages'; say messages= instead."),
        ({"stream": True}, "extra_body sets 'stream', which a batch cannot do; leave it out."),
        ({"chat_template_kwargs": {}}, "use reasoning_effort= instead."),
        ({"thinking": {}}, "use reasoning_effort= instead."),
        ({"bias": [1, float("nan")]}, "extra_body['bias'][1] is nan, which JSON cannot express."),
        ({"a": {"b": float("inf")}}, "extra_body['a']['b'] is inf, which JSON cannot express."),
        ({"a": {1: 2}}, "extra_body['a'] has the key 1, which is not a text."),
        ({"a": "\ud800"}, "extra_body['a'] holds a lone surrogate, which UTF-8 cannot express."),
        ({"a": b"x"}, "extra_body['a'] is of type 'bytes', which is not JSON."),
        ([1], "extra_body= takes a mapping; got 'list'."),
    ],
)
def test_an_extra_body_that_cannot_be_sent_is_refused(silent: Server, body: object, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        at(silent)(texts("one"), extra_body=body)

    assert sentence in str(caught.value)
    assert silent.exchanges() == []


def test_all_values_out_of_range_are_named_at_once(silent: Server) -> None:
    with pytest.raises(InputError, match=r"temperature=.*max_tokens=.*extra_body sets 'stream'"):
        at(silent)(texts("one"), temperature=3, max_tokens=0, extra_body={"stream": True})


def test_a_number_too_large_for_a_float_is_a_seed_out_of_range(silent: Server) -> None:
    with pytest.raises(InputError, match="seed= takes a whole number"):
        at(silent)(texts("one"), seed=10**400)


@pytest.mark.parametrize(
    ("duration", "expected"),
    [("8h", 28_800.0), (2.5, 2.5), (np.int64(3), 3.0), (pd.Timedelta("1min"), 60.0), ("00:01:00", 60.0)],
)
def test_a_duration_is_seconds_a_text_or_a_timedelta(duration: object, expected: float) -> None:
    assert seconds(duration) == expected


@given(st.integers(0, 2), st.integers(1, 10**6))
def test_a_number_is_the_same_parameter_in_every_type(temperature: int, tokens: int) -> None:
    plain = read_options({"model": "m", "temperature": temperature, "max_tokens": tokens}, call="run")
    others = read_options(
        {"model": "m", "temperature": np.float64(temperature), "max_tokens": float(tokens)}, call="run"
    )

    assert repr(plain.sampling()) == repr(others.sampling())


@given(st.text(min_size=1).filter(lambda name: name not in NAMES))
def test_no_unknown_name_gets_through(name: str) -> None:
    with pytest.raises(UnknownParameterError):
        read_options({"model": "m", name: 1}, call="run")


def test_the_options_do_not_show_the_key() -> None:
    options: dict[str, Any] = {"model": "m", "api_key": "sk-secret"}

    assert "sk-secret" not in repr(read_options(options, call="run"))
    assert read_options(options, call="run") == Options(model="m", api_key="sk-secret")
