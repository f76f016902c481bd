"""The same call once more on a finished job: it sends nothing, so this is what knowing that costs."""

import datetime as dt
from pathlib import Path

import pyarrow as pa

import dwbatch
from dwbatch.call import Call, custom_ids_of, line_sizes, prepare
from dwbatch.checkpoint.folder import Checkpoint
from dwbatch.checkpoint.schemas import RESULTS
from dwbatch.checkpoint.shard import Shard, State
from dwbatch.given import read_options
from dwbatch.prompts.shards import cut
from tests.benchmarks.measure import Measured, measuring
from tests.benchmarks.texts import KINDS, MODEL, PROMPT

# Nobody listens there, and nobody has to.
NOWHERE = "http://127.0.0.1:9/v1"
BODY = '{"choices":[],"model":"m"}' + " " * 400


def ours(rows: int, folder: str) -> Measured:
    """`dwbatch.run` on a checkpoint that answers every row."""
    frame = KINDS["short"](rows)
    options = {"model": MODEL, "base_url": NOWHERE, "checkpoint": folder, "progress": False}
    if not (Path(folder) / "batches.parquet").exists():
        _finish(prepare(frame, PROMPT, read_options(options, call="run")), Checkpoint(Path(folder)))
    with measuring() as found:
        out = dwbatch.run(frame, PROMPT, **options)  # type: ignore[call-overload] # a plain mapping of its options
    found.told = {"ok": int((out["response_status"] == "ok").sum())}
    if found.told["ok"] != rows:
        raise RuntimeError("the checkpoint does not answer every row")
    return found


def _finish(call: Call, checkpoint: Checkpoint) -> None:
    """Write down what a job of these rows leaves behind."""
    checkpoint.open()
    checkpoint.write_recipe(call.recipe_hash, call.asking.written)
    now = dt.datetime.now(dt.UTC)
    shards = []
    for number, span in enumerate(cut(line_sizes(call, call.asked)), start=1):
        asked = call.asked.part(span)
        count = len(span)
        names = custom_ids_of(call, asked).cast(pa.string())
        keys = {"custom_id": names, "request_key": asked.keys, "answers_key": asked.keys}
        checkpoint.write_requests(number, pa.table({**keys, "position": asked.positions}))
        said = {
            "line_id": names,
            "status": pa.repeat("ok", count),
            "content": pa.array([f"answer {row}" for row in span], pa.large_string()),
            "finish_reason": pa.repeat("stop", count),
            "model": pa.repeat(MODEL, count),
            "prompt_tokens": pa.repeat(pa.scalar(33, pa.int64()), count),
            "completion_tokens": pa.repeat(pa.scalar(25, pa.int64()), count),
            "body": pa.repeat(pa.scalar(BODY, pa.large_string()), count),
        }
        columns = [(keys | said).get(field.name, pa.nulls(count, field.type)) for field in RESULTS]
        checkpoint.write_results(number, pa.table(columns, schema=RESULTS))
        shards.append(
            Shard(
                number=number, token=f"{number:032x}", job="j", recipe=call.recipe_hash,
                server=call.connection.server, state=State.FETCHED, requests=count, bytes=1,
                endpoint="/v1/chat/completions", completion_window="24h", batch_id=f"b{number}",
                completed=count, server_status="completed", planned_at=now, fetched_at=now,
            )
        )  # fmt: skip
    checkpoint.write_shards(shards)
