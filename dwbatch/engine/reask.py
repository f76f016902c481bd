"""Rows asked once more, perhaps with other parameters: shards of their own, whose answers land on the same rows."""

import logging
import secrets
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwbatch.checkpoint.shard import Shard, State
from dwbatch.engine.desk import Desk
from dwbatch.engine.source import SourceChangedError
from dwbatch.engine.states import IN_FLIGHT, UNPAID
from dwbatch.engine.submit import look_up
from dwbatch.engine.wanted import is_in
from dwbatch.prompts.identity import KEY, request_keys
from dwbatch.prompts.requests import Lines
from dwbatch.prompts.shards import cut

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Question:
    """A request as it will be asked.

    Parameters
    ----------
    custom_id : str
        That of the row's first request, so that a result line says by itself what it answers.
    answers_key : bytes
        Key of the row that it answers.
    body : str
        Canonical JSON.
    position : int
    asked_in : Shard
        Where the row was asked before: the same recipe, endpoint and window.
    """

    custom_id: str
    answers_key: bytes
    body: str
    position: int
    asked_in: Shard

    @property
    def line(self) -> str:
        """The line of the request file, with its newline."""
        custom_id = self.custom_id.replace("\\", "\\\\").replace('"', '\\"')
        return f'{{"body":{self.body},"custom_id":"{custom_id}","method":"POST","url":"{self.asked_in.endpoint}"}}\n'


class Questions:
    """Some questions, as the source of their shards' lines.

    Parameters
    ----------
    questions : collection of Question
        At most one an answers_key.
    editions : mapping of str to str
        The edition of each recipe.
    """

    def __init__(self, questions: Collection[Question], editions: Mapping[str, str]) -> None:
        self._by_key = {question.answers_key: question for question in questions}
        self._by_id = {question.custom_id: question for question in questions}
        self._editions = editions

    def __len__(self) -> int:
        return len(self._by_key)

    def of(self, keys: pa.Array) -> list[Question]:
        """Those that answer these keys."""
        return [self._by_key[key] for key in keys.to_pylist()]

    @property
    def keys(self) -> pa.Array:
        """The answers_keys."""
        return pa.array(list(self._by_key), KEY)

    def request_keys(self, questions: Collection[Question]) -> pa.Array:
        """What each says, hashed: another key than its row's wherever a parameter is another."""
        hashed = [
            request_keys(
                pa.array([question.body], pa.large_string()),
                endpoint=question.asked_in.endpoint,
                edition=self._editions.get(question.asked_in.recipe, ""),
            )
            for question in questions
        ]
        return pa.concat_arrays([pa.array([], KEY), *hashed])

    def hold(self, requests: pa.Table) -> bool:
        """Whether the requests of a shard are questions, one and all, to the letter."""
        asked = [self._by_id.get(custom_id) for custom_id in requests["custom_id"].to_pylist()]
        known = [question for question in asked if question is not None]
        if len(known) < len(asked):
            return False
        return bool(self.request_keys(known).equals(requests["request_key"].combine_chunks()))

    def lines(self, requests: pa.Table) -> Iterator[Lines]:
        """Lines of these requests; see `dwbatch.engine.source.Source`."""
        custom_ids = requests["custom_id"].to_pylist()
        absent = [custom_id for custom_id in custom_ids if custom_id not in self._by_id]
        if absent:
            raise SourceChangedError(absent[0])
        asked = [self._by_id[custom_id] for custom_id in custom_ids]
        texts = pa.array([question.line for question in asked], pa.large_string())
        yield Lines(texts=texts, keys=self.request_keys(asked))


def plan_reask(
    questions: Questions, desk: Desk, *, done: Collection[int] = ()
) -> tuple[list[Shard], frozenset[int]]:
    """Plan shards for questions, and record the plan; nothing is sent yet.

    A row that is on its way already is not asked twice. What an earlier call planned and did not buy is
    used where it asks the same; else it is dropped, once a look-up has shown that it was not bought after all.

    Parameters
    ----------
    questions : Questions
    desk : Desk
        Whose source they are.
    done : collection of int
        Shards that this call has carried before: their rows are not planned once more.

    Returns
    -------
    list of Shard
        Every shard of the checkpoint as it should stand.
    frozenset of int
        Numbers of those to carry.
    """
    shards = {shard.number: shard for shard in desk.checkpoint.shards()}
    taken, active = pa.array([], KEY), set[int]()
    for found in list(shards.values()):
        shard = found
        if shard.server != desk.order.server or not (
            shard.state in IN_FLIGHT | UNPAID or shard.number in done
        ):
            continue
        table = desk.checkpoint.requests(shard.number, ["custom_id", "request_key", "answers_key"])
        keys = table["answers_key"].combine_chunks()
        if not is_in(keys, questions.keys).any():
            continue
        if shard.state in UNPAID and shard.number not in done:
            shard = shards[shard.number] = _taken_up(found, table, questions, desk)
        if shard.state in {State.SUBMITTING, *UNPAID}:
            active.add(shard.number)
        if shard.state is not State.DROPPED:
            taken = pa.concat_arrays([taken, keys])
        elif shard.number in done and desk.checkpoint.has_results(shard.number):
            # A row that the server refused at upload has its answer, which is no.
            refused = desk.checkpoint.results(shard.number, ["answers_key"])["answers_key"]
            taken = pa.concat_arrays([taken, *refused.chunks])
    left = questions.keys.filter(pc.invert(pa.array(is_in(questions.keys, taken))))
    first = desk.checkpoint.next_number(shards.values())
    for shard in _cut(questions.of(left), questions, desk, first=first):
        shards[shard.number] = shard
        active.add(shard.number)
    desk.checkpoint.write_shards(shards.values())
    return list(shards.values()), frozenset(active)


def _taken_up(shard: Shard, requests: pa.Table, questions: Questions, desk: Desk) -> Shard:
    """A shard that an earlier call did not buy: of use where it asks the same, else dropped."""
    if not questions.hold(requests):
        return _dropped(shard, desk)
    if shard.number not in desk.memories:
        # Its upload may have come through without anybody's knowing.
        desk.memory(shard).may_be_up = shard.state is State.PLANNED
    return desk.renamed(shard)


def _dropped(shard: Shard, desk: Desk) -> Shard:
    # A shard that was ever posted may have been bought after all.
    bought = look_up(shard, desk.client, desk.clock) if shard.attempt else None
    return bought or replace(shard, state=State.DROPPED)


def _cut(asked: list[Question], questions: Questions, desk: Desk, *, first: int) -> list[Shard]:
    # One file holds the requests of one recipe, endpoint and window.
    kinds = dict.fromkeys((question.asked_in.recipe, question.asked_in.endpoint) for question in asked)
    shards: list[Shard] = []
    for kind in kinds:
        group = [each for each in asked if (each.asked_in.recipe, each.asked_in.endpoint) == kind]
        sizes = np.array([len(question.line.encode()) for question in group])
        fits = sizes <= desk.limits.max_bytes
        group = [question for question, one_fits in zip(group, fits, strict=True) if one_fits]
        sizes = sizes[fits]
        for span in cut(sizes, max_requests=desk.limits.max_requests, max_bytes=desk.limits.max_bytes):
            part = group[span.start : span.stop]
            number = first + len(shards)
            desk.checkpoint.write_requests(number, _table(part, questions))
            shards.append(_shard(number, part, int(sizes[span.start : span.stop].sum()), desk))
    return shards


def _table(part: list[Question], questions: Questions) -> pa.Table:
    return pa.table(
        {
            "custom_id": pa.array([question.custom_id for question in part], pa.string()),
            "request_key": questions.request_keys(part),
            "answers_key": pa.array([question.answers_key for question in part], KEY),
            "position": pa.array([question.position for question in part], pa.int64()),
        }
    )


def _shard(number: int, part: list[Question], n_bytes: int, desk: Desk) -> Shard:
    before = part[0].asked_in
    shard = Shard(
        number=number,
        token=secrets.token_hex(16),
        job=desk.order.job,
        recipe=before.recipe,
        server=desk.order.server,
        state=State.PLANNED,
        requests=len(part),
        bytes=n_bytes,
        endpoint=before.endpoint,
        completion_window=desk.order.completion_window,
        account=desk.order.account,
        planned_at=desk.clock.now(),
    )
    # Planned here and now, so nothing of it can be at the server yet.
    desk.memory(shard)
    return shard
