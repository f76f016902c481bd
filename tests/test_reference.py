"""What help() shows: every public name, whole and in order, and what an editor offers."""

import dataclasses
import inspect
import re

import pandas as pd
import pytest

import dwbatch
from dwbatch.accessor import Accessor
from dwbatch.errors import DwbatchError

PUBLIC = {name: getattr(dwbatch, name) for name in dwbatch.__all__}
FUNCTIONS = {name: each for name, each in PUBLIC.items() if inspect.isfunction(each)}
CLASSES = {name: each for name, each in PUBLIC.items() if inspect.isclass(each)}
# The calls that a frame takes; the others are about jobs and files.
VERBS = [name for name, function in FUNCTIONS.items() if "frame" in inspect.signature(function).parameters]


def test_the_public_names_are_sorted_and_complete() -> None:
    offered = {name: getattr(dwbatch, name) for name in dir(dwbatch) if not name.startswith("_")}

    classes = {name for name, each in offered.items() if inspect.isclass(each)}
    functions = {name for name, each in offered.items() if inspect.isfunction(each)} - {"register"}
    assert dwbatch.__all__ == sorted(dwbatch.__all__)
    assert set(dwbatch.__all__) == classes | functions


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_says_what_it_is(name: str) -> None:
    text = inspect.cleandoc(PUBLIC[name].__doc__)

    first = text.splitlines()[0]
    assert "__doc__" in vars(PUBLIC[name]) or inspect.isfunction(PUBLIC[name])
    assert first.endswith(".")
    assert len(first) > len("A frame.")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_tells_of_each_parameter_of_what_returns_and_shows_an_example(name: str) -> None:
    text = inspect.cleandoc(FUNCTIONS[name].__doc__ or "")
    told = text.partition("\nReturns\n")[0]

    own = list(inspect.signature(inspect.unwrap(FUNCTIONS[name])).parameters)
    named = [each for each in own if not re.search(rf"^(?:.*, )?\**{each}\b.*$", told, re.MULTILINE)]
    refers = "`dwbatch.run`" in told or "`dwbatch.embed`" in told
    assert refers or named == []
    assert "\nReturns\n-------\n" in text
    assert ">>> " in text


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_tells_of_its_fields_and_shows_an_example(name: str) -> None:
    text = CLASSES[name].__doc__ or ""

    assert "Parameters\n" in text or not dataclasses.is_dataclass(CLASSES[name])
    assert ">>> " in text


def test_every_error_can_be_caught_as_one() -> None:
    errors = [each for each in CLASSES.values() if issubclass(each, Exception)]

    assert all(issubclass(each, DwbatchError | Warning) for each in errors)


def test_completion_offers_the_verbs_and_nothing_else() -> None:
    frame = pd.DataFrame({"text": ["a"]})

    offered = [name for name in dir(frame.doubleword) if not name.startswith("_")]

    assert offered == sorted(VERBS)
    assert all(f".{verb}" in repr(frame.doubleword) for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_an_accessor_and_its_twin_take_the_same_options(verb: str) -> None:
    of_frame = inspect.signature(getattr(Accessor, verb)).parameters
    of_function = inspect.signature(getattr(dwbatch, verb)).parameters

    assert list(of_frame)[1:] == list(of_function)[1:]
    assert not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in of_frame.values())
