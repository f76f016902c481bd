"""A call in a process of its own, which may be killed: ``python -m tests.kills.victim ORDERS``."""

import sys

import requests

from dwbatch.call import prepare
from dwbatch.engine.clock import Pace
from dwbatch.given import read_options
from dwbatch.sending import Means, carry_out
from tests.kills.faulty import FaultyAdapter, FaultyDisk, Fuse, die
from tests.kills.orders import FRAME, PROMPT, Orders, Then


def announce(word: str) -> None:
    """Tell whoever started this process how far it is."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def pause() -> None:
    """Say so, and go on when stdin ends."""
    announce("now")
    sys.stdin.read()


ACTS = {Then.DIE: die, Then.SAY: lambda: announce("now"), Then.PAUSE: pause}


def main(orders: Orders) -> None:
    """Make the call, and leave its frame."""
    fuse = Fuse(orders.fuse, ACTS[Then(orders.then)])
    session = requests.Session()
    session.mount("http://", FaultyAdapter(fuse))
    options = read_options({**orders.all_options(), "session": session}, call="run")
    means = Means(pace=Pace(grace_s=0.3, settle_s=0.3), disk=FaultyDisk(fuse), workers=orders.workers)
    announce("ready")
    out, _ = carry_out(prepare(FRAME, PROMPT, options), means)
    out.to_parquet(orders.out)


if __name__ == "__main__":
    main(Orders.read(sys.argv[1]))
