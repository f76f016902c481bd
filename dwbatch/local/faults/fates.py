"""What becomes of a batch whose creation met a fault."""

import sqlite3
import time

from dwbatch.local.faults.board import Board
from dwbatch.local.faults.kinds import Batch

_SENTENCES = {
    # Without a time to be made ready, its rows never are.
    "unpopulated": "UPDATE batch SET populate_at = NULL WHERE seq = :seq",
    "broken": "UPDATE batch SET populate_at = NULL, failed_at = :now WHERE seq = :seq",
    "stalled": "UPDATE batch SET populate_at = NULL, in_progress_at = :now WHERE seq = :seq",
    "overdue": "UPDATE batch SET expires_at = created_at - 60 WHERE seq = :seq",
}


def decide(db: sqlite3.Connection, batch: sqlite3.Row, board: Board) -> bool:
    """Give a new batch what is set for it; True if its rows go the usual way."""
    is_usual = True
    for armed in board.armed(Batch):
        if board.take(armed, f"batch {batch['id']}"):
            act = armed.fault.act
            db.execute(_SENTENCES[act], {"seq": batch["seq"], "now": int(time.time())})
            is_usual &= act == "overdue"
    return is_usual
