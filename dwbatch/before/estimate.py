"""What a call would cost, by the server's own word: its files go up for that, and nothing is bought."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Unpack

import pandas as pd

from dwbatch.before.card import card
from dwbatch.before.plan import Plan, plan_of
from dwbatch.call import Call, prepare
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.shard import State
from dwbatch.engine.desk import Desk
from dwbatch.engine.goal import Goal
from dwbatch.engine.price import Price, price
from dwbatch.engine.progress import Progress
from dwbatch.given import take_options
from dwbatch.opening import Means, opened, place_of
from dwbatch.options import Options, Prompt, RunOptions, shows_options
from dwbatch.other_frames import AnyFrame, emptied, in_pandas, own_door
from dwbatch.sending import carry_to

# The two that the hosted service sells.
WINDOWS = ("24h", "1h")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a call would cost.

    Parameters
    ----------
    plan : Plan
        What the call would do, as of now.
    prices : mapping of str to Price
        What its purchase would cost, by completion window; parts by model in ``prices["24h"].models``.
        Empty where the server has no prices at all, as OpenAI's has not.

    Examples
    --------
    >>> import dwbatch, dwbatch.local, pandas
    >>> frame = pandas.DataFrame({"text": ["lovely"]})
    >>> with dwbatch.local.Server() as server:
    ...     told = frame.doubleword.estimate("{text}", model="Qwen/Qwen3.5-35B-A3B-FP8", base_url=server.base_url,
    ...                                      checkpoint=False)
    >>> told.cost["1h"] > told.cost["24h"] > 0, told.is_guess
    (True, False)
    """

    plan: Plan
    prices: Mapping[str, Price]

    @property
    def cost(self) -> dict[str, Decimal | None]:
        """Price by completion window, in the account's credits; None where the server gives none.

        A model without a price counts as 0 at the server, so that 0 is shown as unknown here.
        """
        return {window: told.cost for window, told in self.prices.items()}

    @property
    def is_guess(self) -> bool:
        """Whether the server said nothing, and only the tokens of `plan` are known, as bytes by four."""
        return not any(told.models for told in self.prices.values()) and self.plan.requests > 0

    def models(self) -> pd.DataFrame:
        """One row a model: requests, expected tokens, and the price in each window as Decimal objects.

        Returns
        -------
        DataFrame
            Index ``model``; ``requests``, ``prompt_tokens``, ``completion_tokens``, and ``cost_24h`` and so on,
            None where the price is unknown.
        """
        names = list(dict.fromkeys(name for told in self.prices.values() for name in told.models))
        first = [
            next(told.models[name] for told in self.prices.values() if name in told.models) for name in names
        ]
        counted = {
            "requests": pd.array([part.requests for part in first], dtype="Int64"),
            "prompt_tokens": pd.array([part.prompt_tokens for part in first], dtype="Int64"),
            "completion_tokens": pd.array([part.completion_tokens for part in first], dtype="Int64"),
        }
        costs = {
            f"cost_{window}": pd.Series(
                [told.models[name].cost if name in told.models else None for name in names],
                index=pd.Index(names, name="model"),
                dtype=object,
            )
            for window, told in self.prices.items()
        }
        return pd.DataFrame({**counted, **costs}, index=pd.Index(names, name="model"))

    def __str__(self) -> str:
        requests = f"{self.plan.requests:,} requests"
        if self.is_guess:
            return (
                f"{requests}: the server tells no price; about {self.plan.tokens:,} prompt tokens, guessed from their "
                "bytes. Nothing was bought."
            )
        told = "; ".join(f"{_amount(cost)} in the {window} window" for window, cost in self.cost.items())
        return (
            f"{requests}: {told}, by the server's estimate. The files are uploaded, and nothing was bought."
        )

    def _repr_html_(self) -> str:
        lines = {"requests": f"{self.plan.requests:,}", "prompt tokens, about": f"{self.plan.tokens:,}"}
        for window, told in self.prices.items():
            lines[f"{window} window"] = _amount(told.cost)
            if len(told.models) > 1:
                lines |= {f"{window}, {name}": _amount(part.cost) for name, part in told.models.items()}
        return card("Estimate", lines, str(self))


@shows_options
def estimate(frame: AnyFrame, prompt: Prompt | None = None, **options: Unpack[RunOptions]) -> Estimate:
    """The server's own price for what `dwbatch.run` would buy with the same arguments.

    Only the server can say what it takes, and only of files that it has: so what is not answered
    yet is uploaded, and says so. Nothing is bought, and the run that follows uploads nothing again
    (unless ``checkpoint=False`` left it nowhere to find the files).

    Parameters
    ----------
    frame : DataFrame, Series, or any frame that speaks Arrow
    prompt : str, list or callable, optional
        As in `dwbatch.run`, like every other option.

    Returns
    -------
    Estimate
        With a price for the 24h and the 1h window side by side, and for `completion_window` if it is
        another one.

    Raises
    ------
    InputError, CredentialsError, CheckpointError, ApiError, TransportError, JobStoppedError
        As `dwbatch.run`.

    Notes
    -----
    The server counts prompt tokens as bytes by four, and completion tokens as the mean of the model's
    last hundred answers, or 1.1 times the prompt where it has none (control-layer, ``files.rs``). It is
    an estimate: the bill may be higher.

    Examples
    --------
    >>> import dwbatch, dwbatch.local
    >>> frame = pd.DataFrame({"text": ["lovely", "awful"]})
    >>> with dwbatch.local.Server() as server:
    ...     found = dwbatch.estimate(frame, "Is this positive? {text}", model="m", base_url=server.base_url,
    ...                              checkpoint=False, progress=False)
    >>> found.cost["1h"] == 2 * found.cost["24h"]
    True
    """
    if (door := own_door(frame)) is not None:
        priced: Estimate = door.estimate(prompt, **emptied(options))
        return priced
    return estimated(frame, prompt, take_options(options, call="estimate"))


def estimated(frame: AnyFrame, prompt: Prompt | None, options: Options) -> Estimate:
    """What `estimate` returns, for a door that has read the options itself."""
    return ask_price(prepare(in_pandas(frame, call="estimate"), prompt, options))


def ask_price(call: Call, means: Means | None = None, *, tells: bool = True) -> Estimate:
    """Upload what a call would buy, and ask for its price; `tells` says it in a sentence on stderr too."""
    means = means or Means()
    timeout_s = call.options.timeout_s
    deadline = None if timeout_s is None else means.clock.monotonic() + timeout_s
    progress = Progress(is_shown=call.options.progress)
    with place_of(call, means) as path:
        try:
            checkpoint = Checkpoint(path, means.disk)
            with opened(call, checkpoint, means, progress, lock_timeout_s=timeout_s) as desk:
                carry_to(Goal.UPLOADED, call, desk, progress, deadline=deadline)
                found = _asked(call, path, desk)
        finally:
            progress.close()
    if tells:
        progress.say(str(found))
    return found


def _asked(call: Call, path: Path, desk: Desk) -> Estimate:
    # What was uploaded for this recipe and is not wanted has just been dropped.
    waiting = [
        shard
        for shard in desk.checkpoint.shards()
        if shard.state is State.UPLOADED
        and (shard.server, shard.recipe) == (desk.order.server, desk.order.recipe)
    ]
    windows = dict.fromkeys([*WINDOWS, call.options.completion_window])
    prices = {window: price(waiting, desk.client, window=window) for window in windows}
    planned = plan_of(call, path)
    if call.options.checkpoint is False:
        planned = replace(planned, checkpoint=None, is_begun=False)
    return Estimate(planned, prices)


def _amount(cost: Decimal | None) -> str:
    return "unknown" if cost is None else f"{cost:f}"
