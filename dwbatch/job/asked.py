"""The call behind a job, made again for a frame: from what the call said, or from the recipe in the folder."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from dwbatch.call import Call, prepare
from dwbatch.errors import InputError
from dwbatch.frames import as_frame
from dwbatch.given import read_options
from dwbatch.job.held import Held


def call_on(held: Held, frame: "pd.DataFrame | pd.Series[str]") -> Call:
    """The job's call with the rows of another frame, or of the same one read again.

    Parameters
    ----------
    held : Held
    frame : DataFrame or Series
        It may hold the answer columns already; they are written anew.

    Raises
    ------
    InputError
        If the folder does not say how requests were made of rows, or the frame lacks a column.
    """
    rows = as_frame(frame, call="result")
    if held.call is not None:
        options = replace(held.call.options, overwrite=True)
        call = prepare(rows, held.call.asking.written.get("prompt"), options)
        return replace(call, connection=held.connection)
    recipe = _recipe(held)
    given = options_in(recipe) | {"overwrite": True, "dedupe": True, "base_url": held.connection.server}
    call = prepare(rows, recipe.get("prompt"), _with_key(given, held))
    return replace(call, connection=held.connection)


def options_in(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Options that a recipe of ``recipe.json`` stands for."""
    names = ("name", "messages", "system", "model", "response_format", "edition")
    said = {name: recipe[name] for name in names if name in recipe}
    typed = {"max_tokens", "reasoning_effort", "seed", "stop", "temperature", "top_p"}
    parameters = dict(recipe.get("parameters") or {})
    said |= {name: parameters.pop(name) for name in typed & set(parameters)}
    return said | ({"extra_body": parameters} if parameters else {})


def _recipe(held: Held) -> Mapping[str, Any]:
    recipes = held.checkpoint.recipes()
    used = [shard.recipe for shard in held.shards() if shard.recipe in recipes]
    if not used:
        raise InputError.nothing_sent(
            "This job does not know how its requests were made of rows. Give the prompt and the options of the call to "
            "dwbatch.attach(), or say on= which column holds the custom_ids."
        )
    return recipes[used[-1]]


def _with_key(given: dict[str, Any], held: Held) -> Any:
    return read_options({**given, "api_key": held.connection.key}, call="result")
