"""One SQLite file that outlives the process: many readers, one writer, all or nothing."""

import queue
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION = 4

# Requests are numbered over all files, and those of one file are consecutive, because a file is written in
# one transaction: line k of a file is request `first_request + k`. They are kept some hundreds in a row, and
# so are their results, in the order in which they came.
SCHEMA = """
CREATE TABLE IF NOT EXISTS file (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    filename TEXT NOT NULL,
    purpose TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    first_request INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0,
    owner TEXT NOT NULL,
    models TEXT NOT NULL DEFAULT '{}',
    batch INTEGER,
    is_deleted INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS file_of_batch ON file (batch) WHERE batch IS NOT NULL;
CREATE TABLE IF NOT EXISTS slab (
    first INTEGER PRIMARY KEY,
    total INTEGER NOT NULL,
    lines BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS batch (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    input_file TEXT NOT NULL,
    input_name TEXT NOT NULL,
    first_request INTEGER NOT NULL,
    total INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    completion_window TEXT NOT NULL,
    metadata TEXT NOT NULL,
    models TEXT NOT NULL,
    owner TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    in_progress_at INTEGER,
    finalizing_at INTEGER,
    completed_at INTEGER,
    failed_at INTEGER,
    cancelling_at INTEGER,
    cancelled_at INTEGER,
    completed INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    output_bytes INTEGER NOT NULL DEFAULT 0,
    error_bytes INTEGER NOT NULL DEFAULT 0,
    populate_at REAL,
    expired_at INTEGER,
    errors TEXT,
    is_deleted INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS result (
    seq INTEGER PRIMARY KEY,
    batch INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    total INTEGER NOT NULL,
    numbers BLOB NOT NULL,
    lines BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS result_in_order ON result (batch, kind, seq, total);
CREATE TABLE IF NOT EXISTS bill (
    seq INTEGER PRIMARY KEY,
    batch INTEGER NOT NULL,
    line INTEGER NOT NULL,
    model TEXT NOT NULL,
    body_sha256 TEXT NOT NULL,
    status_code INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    billed_at REAL NOT NULL,
    duration_ms REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS bill_of_batch ON bill (batch);
"""


class Store:
    """The server's memory on disk.

    Parameters
    ----------
    path : Path
        SQLite file, made if it is not there.

    Raises
    ------
    RuntimeError
        If another version of this server wrote it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._opened: list[sqlite3.Connection] = []
        self._write_lock = threading.Lock()
        self._writer = self._open()
        self._prepare()

    def _prepare(self) -> None:
        (found,) = self._writer.execute("PRAGMA user_version").fetchone()
        if found not in {0, VERSION}:
            self.close()
            raise RuntimeError(
                f"{str(self._path)!r} was written by another version of the local server "
                f"(format {found}, this one reads {VERSION}). Choose another folder."
            )
        self._writer.executescript(SCHEMA)
        self._writer.execute(f"PRAGMA user_version = {VERSION}")

    def _open(self) -> sqlite3.Connection:
        # Every connection is used by one thread at a time, though not always by
        # the same one. No isolation level: transactions are begun by hand.
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=60)
        connection.row_factory = sqlite3.Row
        # Bodies are of some kilobytes: in larger pages they are written twice as fast.
        connection.execute("PRAGMA page_size=16384")
        # WAL lets readers read while a file is written. NORMAL is enough to
        # survive kill -9; only a loss of power may cost the last transactions.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        self._opened.append(connection)
        return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the store for as long as it is held."""
        try:
            connection = self._readers.get_nowait()
        except queue.Empty:
            connection = self._open()
        try:
            connection.execute("BEGIN")
            yield connection
        finally:
            connection.execute("ROLLBACK")
            self._readers.put(connection)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The one connection that writes; what was written is undone if the block raises."""
        with self._write_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")

    def close(self) -> None:
        """Close every connection. No call may be under way."""
        for connection in self._opened:
            connection.close()
