"""The call behind a job, made again for a frame: from what the call said, or from the recipe in the folder."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from dwbatch.asking import ask
from dwbatch.asking_vectors import ask_embedding
from dwbatch.call import Call, prepare
from dwbatch.embed_options import ENDPOINT, OUTPUT
from dwbatch.errors import InputError
from dwbatch.frames import as_frame
from dwbatch.given import read_options
from dwbatch.job.held import Held

NAMED = ("name", "messages", "system", "model", "response_format", "edition", "endpoint")
SAMPLING = {
    "max_tokens",
    "n",
    "reasoning_effort",
    "seed",
    "stop",
    "temperature",
    "tool_choice",
    "tools",
    "top_p",
}


def call_on(
    held: Held,
    frame: "pd.DataFrame | pd.Series[str]",
    *,
    recipe: str | None = None,
    more: Mapping[str, object] | None = None,
) -> Call:
    """The job's call with the rows of another frame, or of the same one read again.

    Parameters
    ----------
    held : Held
    frame : DataFrame or Series
        It may hold the answer columns already; they are written anew.
    recipe : str, optional
        Hash of the recipe to read; by default that of the newest batch.
    more : mapping, optional
        Options that no recipe knows, such as the name of the answer column.

    Raises
    ------
    InputError
        If the folder does not say how requests were made of rows, or the frame lacks a column.
    """
    rows = as_frame(frame, call="result")
    if held.wording is not None:
        options = replace(
            held.wording.options, overwrite=True, dedupe=held.wording.options.dedupe is not False
        )
        prompt = held.wording.prompt
    else:
        said = _recipe(held, recipe)
        given = {**options_in(said), **(more or {}), "overwrite": True, "dedupe": True}
        options, prompt = read_options(given, call="result"), said.get("text", said.get("prompt"))
    asks = ask_embedding if _endpoint(held) == ENDPOINT else ask
    # Nothing is sent, and the way to the server is the job's own.
    return replace(prepare(rows, prompt, options, sends=False, ask=asks), connection=held.connection)


def options_in(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Options that a recipe of ``recipe.json`` stands for."""
    said = {name: recipe[name] for name in NAMED if name in recipe}
    if said.get("endpoint") == ENDPOINT:
        # Not to be chosen: it follows from the call.
        del said["endpoint"]
        said["output"] = OUTPUT
    parameters = dict(recipe.get("parameters") or {})
    said |= {name: parameters.pop(name) for name in SAMPLING & set(parameters)}
    return said | ({"extra_body": parameters} if parameters else {})


def _endpoint(held: Held) -> str | None:
    if held.call is not None:
        return held.call.asking.recipe.endpoint
    return next((shard.endpoint for shard in reversed(held.shards())), None)


def _recipe(held: Held, name: str | None) -> Mapping[str, Any]:
    recipes = held.checkpoint.recipes()
    used = [shard.recipe for shard in held.shards()] if name is None else [name]
    said = [recipes[each] for each in used if {"prompt", "messages", "text"} & set(recipes.get(each, {}))]
    if not said:
        raise InputError.nothing_sent(
            "This job does not know how its requests were made of rows. Give the prompt and the options of the call to "
            "dwbatch.attach(), or say with on= which column holds the custom_ids."
        )
    return said[-1]
