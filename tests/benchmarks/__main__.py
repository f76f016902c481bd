"""`python -m tests.benchmarks`: one table of ratios, measured on this machine in one run."""

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dwbatch.local import Server
from tests.benchmarks.measure import Rounds, interleaved
from tests.benchmarks.sending import sink
from tests.benchmarks.serving import write_request_lines
from tests.benchmarks.table import Line, render
from tests.benchmarks.texts import write_result_files

MEGA = 1e6
BITS, GIGABIT = 8, 1e9


def building(kind: str, rows: int, rounds: int, folder: str, *, least: float) -> list[Line]:
    """Prompts to JSONL."""
    given = {"kind": kind, "rows": rows, "folder": folder}
    found = interleaved({name: (f"building.{name}", given) for name in ("loop", "ours", "floor")}, rounds)
    # Both only compute, in one thread: the clock would tell what else the machine does.
    faster = found["loop"].of("cpu_s") / found["ours"].of("lines_cpu_s")
    lines, floor = found["ours"].of("lines_s"), found["floor"].of("wall_s")
    what = f"{rows:,} {kind} rows to JSONL"
    return [
        Line(f"{what}: json.dumps loop / ours, CPU", f"{faster:.1f} x (spread {found['ours'].spread('lines_cpu_s'):.0%})", f">= {least:g} x", faster >= least),
        Line(f"{what}: ours / writing the bytes", _ratio(lines, floor, found["floor"]), "<= 3 x", lines / floor <= 3),
        Line(f"{what}: hashing / writing the bytes", f"{found['ours'].of('hash_s') / floor:.2f} x"),
        Line(f"{what}: peak memory, ours / loop", _memory(found["ours"], found["loop"])),
    ]  # fmt: skip


def reading(rows: int, rounds: int, folder: str) -> list[Line]:
    """Result lines to columns."""
    with tempfile.TemporaryDirectory(dir=folder) as output:
        write_result_files(Path(output), rows)
        given = {"folder": output, "rows": rows}
        found = interleaved({name: (f"reading.{name}", given) for name in ("dicts", "ours", "floor")}, rounds)
    dicts, ours = found["dicts"], found["ours"]
    ratio, memory = dicts.of("wall_s") / ours.of("wall_s"), ours.of("peak_mb") / dicts.of("peak_mb")
    what = f"{rows:,} result lines ({ours.of('bytes') / MEGA:,.0f} MB) to columns"
    return [
        Line(f"{what}: json.loads into dicts / ours", _ratio(dicts.of("wall_s"), ours.of("wall_s"), ours), ">= 10 x", ratio >= 10),
        Line(f"{what}: peak memory, ours / dicts", _memory(ours, dicts), "<= 0.25 x", memory <= 0.25),
        Line(f"{what}: ours / reading the bytes", f"{ours.of('wall_s') / found['floor'].of('wall_s'):.1f} x"),
    ]  # fmt: skip


def again(rows: int, rounds: int, folder: str) -> list[Line]:
    """A finished job once more."""
    given = {"rows": rows, "folder": f"{folder}/finished"}
    # The first one writes the checkpoint, so it is not among the measured.
    interleaved({"ours": ("again.ours", given)}, 1)
    ours = interleaved({"ours": ("again.ours", given)}, rounds)["ours"]
    per_million = ours.of("wall_s") * MEGA / rows
    return [
        Line(f"the same call on {rows:,} finished rows, seconds a million", f"{per_million:.1f} s", "<= 5 s", per_million <= 5),
        Line(f"the same call on {rows:,} finished rows, bytes a row at the peak", f"{ours.of('peak_mb') * MEGA / rows:,.0f}"),
    ]  # fmt: skip


def sending(megabytes: int, rounds: int, folder: str) -> list[Line]:
    """One shard to the server, and one file of results back."""
    path = Path(folder) / "shard.jsonl"
    with path.open("wb") as file:
        file.writelines(bytes(MEGA_BYTES) for _ in range(megabytes))
    with sink() as url:
        there: dict[str, Any] = {"path": str(path), "url": url}
        back: dict[str, Any] = {"url": url, "megabytes": megabytes}
        cases = {name: (f"sending.{name}", there) for name in ("habit", "ours", "floor")}
        cases |= {name: (f"sending.{name}", back) for name in ("habit_back", "ours_back")}
        found = interleaved(cases, rounds)
    path.unlink()
    ours, habit, floor = found["ours"], found["habit"], found["floor"]
    ours_back, habit_back = found["ours_back"], found["habit_back"]
    what, what_back = f"upload of {megabytes} MB", f"download of {megabytes} MB"
    return [
        Line(f"{what}: extra memory", f"{ours.of('peak_mb'):.0f} MB (requests files=: {habit.of('peak_mb'):.0f} MB)", "<= 40 MB", ours.of("peak_mb") <= 40),
        Line(f"{what}: ours / requests files=", _ratio(ours.of("wall_s"), habit.of("wall_s"), ours)),
        Line(f"{what}: ours / a bare socket", _ratio(ours.of("wall_s"), floor.of("wall_s"), floor)),
        Line(f"{what_back}: extra memory", f"{ours_back.of('peak_mb'):.0f} MB (requests .content: {habit_back.of('peak_mb'):.0f} MB)"),
        Line(f"{what_back}: ours / requests .content", _ratio(ours_back.of("wall_s"), habit_back.of("wall_s"), ours_back)),
    ]  # fmt: skip


MEGA_BYTES = 1_000_000


def whole(rows: int, rounds: int) -> list[Line]:
    """Build, upload, wait, fetch, merge."""
    few = max(rows // 100, 1)
    with Server() as server:
        given = {"rows": rows, "url": server.base_url}
        cases = {name: (f"whole.{name}", given) for name in ("by_hand", "ours")}
        before_s = time.process_time()
        found = interleaved(cases, rounds)
        # The server runs in this process, which otherwise only waits.
        server_s = (time.process_time() - before_s) / (rounds * len(cases))
        few_rows = interleaved({"by_autobatcher": ("whole.by_autobatcher", given | {"rows": few})}, rounds)
    ours, hand = found["ours"], found["by_hand"]
    cpu, memory = ours.of("cpu_s") / hand.of("cpu_s"), ours.of("peak_mb") / hand.of("peak_mb")
    a_row = {"ours": ours.of("cpu_s") / rows, "autobatcher": few_rows["by_autobatcher"].of("cpu_s") / few}
    line_s = hand.of("bytes") * BITS / GIGABIT
    what = f"a whole job of {rows:,} rows"
    return [
        Line(f"{what}: client CPU, ours / by hand", f"{cpu:.2f} x (spread {ours.spread('cpu_s'):.0%})", "<= 0.5 x", cpu <= 0.5),
        Line(f"{what}: peak memory, ours / by hand", _memory(ours, hand), "<= 0.75 x", memory <= 0.75),
        Line(f"{what}: client CPU a row, autobatcher (of {few:,}) / ours", f"{a_row['autobatcher'] / a_row['ours']:.0f} x"),
        Line(f"{what}: client CPU / a line of 1 Gbit/s for its {hand.of('bytes') / MEGA:,.0f} MB", f"{ours.of('cpu_s') / line_s:.1f} x ({a_row['ours'] * MEGA:.1f} s a million)", "<= 1 x", ours.of("cpu_s") <= line_s),
        Line(f"{what}: the local server's own CPU, seconds a million", f"{server_s * MEGA / rows:.1f} s"),
        Line(f"{what}: wall, the server's work included", f"{ours.of('wall_s'):.1f} s (by hand {hand.of('wall_s'):.1f} s)"),
    ]  # fmt: skip


def serving(rows: int, rounds: int, folder: str) -> list[Line]:
    """What the local server itself costs, which is in no other figure."""
    path = Path(folder) / "requests.jsonl"
    write_request_lines(path, rows)
    given = {"path": str(path)}
    found = interleaved(
        {name: (f"serving.{name}", given) for name in ("library", "validated", "ours")}, rounds
    )
    library, validated, ours = found["library"], found["validated"], found["ours"]
    served = ours.of("bytes")
    floor = interleaved({"floor": ("serving.floor", given | {"size": int(served)})}, rounds)["floor"]
    what = f"the local server, {rows:,} lines ({path.stat().st_size / MEGA:,.0f} MB)"
    path.unlink()
    return [
        Line(f"{what}: validated / decoded by the JSON library", _times(validated, library, "cpu_s", "cpu_s")),
        Line(f"{what}: uploaded, validated and stored / decoded", _times(ours, library, "accept_cpu_s", "cpu_s")),
        Line(f"{what}: echo, rows a second of CPU", f"{rows / ours.of('echo_cpu_s'):,.0f} (spread {ours.spread('echo_cpu_s'):.0%})"),
        Line(f"{what}: results served, MB a second", f"{served / MEGA / ours.of('serve_wall_s'):,.0f} of {served / MEGA:,.0f} MB ({ours.of('serve_wall_s') / floor.of('wall_s'):.1f} x reading a file)"),
        Line(f"{what}: peak memory of it all", f"{ours.of('peak_mb'):,.0f} MB"),
    ]  # fmt: skip


def _times(above: Rounds, below: Rounds, over: str, under: str) -> str:
    return f"{above.of(over) / below.of(under):.2f} x (spread {above.spread(over):.0%})"


def starting(rounds: int) -> list[Line]:
    """The import."""
    found = interleaved({name: (f"starting.{name}", {}) for name in ("pandas", "ours", "a_call")}, rounds)
    pandas, ours, a_call = (found[name].of("cpu_s") for name in ("pandas", "ours", "a_call"))
    return [
        Line("import dwbatch beyond import pandas, CPU", f"{ours - pandas:.2f} s ({(ours - pandas) / pandas:.0%} of pandas)", "<= 0.25 s", ours - pandas <= 0.25),
        Line("what the first call loads, CPU, once", f"{a_call - ours:.2f} s ({(a_call - ours) / pandas:.0%} of pandas)"),
    ]  # fmt: skip


def _ratio(above: float, below: float, spread_of: Rounds) -> str:
    return f"{above / below:.1f} x (spread {spread_of.spread('wall_s'):.0%})"


def _memory(above: Rounds, below: Rounds) -> str:
    return f"{above.of('peak_mb') / below.of('peak_mb'):.2f} x ({above.of('peak_mb'):,.0f} MB)"


def table(rows: int, rounds: int, only: str | None = None) -> str:
    """Measure, and print what was found.

    Parameters
    ----------
    rows : int
        Short rows and result lines; long documents are a tenth, a whole job a fifth of them.
    rounds : int
    only : str, optional
        One of the parts.
    """
    with tempfile.TemporaryDirectory(prefix="dwbatch-benchmarks-") as folder:
        parts: dict[str, Callable[[], list[Line]]] = {
            "build": lambda: [
                *building("short", rows, rounds, folder, least=6),
                *building("multilingual", rows, rounds, folder, least=6),
                *building("long", max(rows // 10, 1), rounds, folder, least=3),
            ],
            "read": lambda: reading(rows, rounds, folder),
            "again": lambda: again(rows, rounds, folder),
            "send": lambda: sending(max(rows // 5_000, 1), rounds, folder),
            "whole": lambda: whole(max(rows // 5, 1), rounds),
            "serve": lambda: serving(rows, rounds, folder),
            "start": lambda: starting(rounds),
        }
        lines = []
        for part in (part for name, part in parts.items() if only in {None, name}):
            lines += part()
            # The whole takes a while: what is known is shown, should it be stopped.
            sys.stderr.write(f"{render(lines)}\n\n")
        return render(lines)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="short rows and result lines")
    parser.add_argument("--rounds", type=int, default=3, help="times that each case is run")
    parser.add_argument("--only", choices=("build", "read", "again", "send", "whole", "serve", "start"))
    given = parser.parse_args()
    machine = f"{platform.platform()}, Python {platform.python_version()}"
    sys.stderr.write(f"{machine}, {given.rounds} rounds\n")
    sys.stdout.write(table(given.rows, given.rounds, given.only) + "\n")


if __name__ == "__main__":
    main()
