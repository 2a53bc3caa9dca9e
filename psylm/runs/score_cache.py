"""Scores that were computed once, found again by what they were computed from."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock

from psylm.common.errors import PsylmError
from psylm.common.user_cache import cache_folder

LIMIT = 2**30
"""Bytes of scores that are kept; beyond that, the least recently used are removed."""

FILE = "scores.sqlite"
WAIT = 60
"""Seconds to wait for another process."""

BATCH = 500
"""Keys in one question: SQLite takes 999 variables at least."""


class ScoreCache:
    """A store of texts by key, shared by any number of processes.

    Parameters
    ----------
    path
        The SQLite file; `scores.sqlite` in the user's cache folder by default.
    limit
        Bytes that are kept.

    Examples
    --------
    >>> cache = ScoreCache(getfixture("tmp_path") / "scores.sqlite")
    >>> cache.put({b"a": "[1, 2]"})
    >>> cache.get([b"a", b"b"])
    {b'a': '[1, 2]'}
    """

    def __init__(self, path: Path | None = None, limit: int = LIMIT) -> None:
        self.path = path or cache_folder() / FILE
        self.limit = limit
        self._prepared = False

    def get(self, keys: Sequence[bytes]) -> dict[bytes, str]:
        """Return what is known of some keys."""
        found: dict[bytes, str] = {}
        with self._open() as database:
            for begin in range(0, len(keys), BATCH):
                some = keys[begin : begin + BATCH]
                marks = ",".join("?" * len(some))
                # Only marks are put into the statement, never a value.
                found.update(database.execute(f"SELECT key, value FROM scores WHERE key IN ({marks})", some))  # noqa: S608
            database.executemany("UPDATE scores SET used = ? WHERE key = ?", [(time.time(), key) for key in found])
        return found

    def put(self, values: Mapping[bytes, str]) -> None:
        """Keep values, and make room where there are too many."""
        rows = [(key, value, len(key) + len(value.encode()), time.time()) for key, value in values.items()]
        with self._open() as database:
            database.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?)", rows)
            (held,) = database.execute("SELECT COALESCE(SUM(size), 0) FROM scores").fetchone()
            if held > self.limit:
                self._make_room(database, held)

    def size(self) -> tuple[int, int]:
        """Return how many values there are, and their bytes."""
        with self._open() as database:
            count, held = database.execute("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM scores").fetchone()
        return int(count), int(held)

    def clear(self) -> None:
        """Remove every value."""
        with self._open() as database:
            database.execute("DELETE FROM scores")
        with closing(sqlite3.connect(self.path, timeout=WAIT)) as database:
            database.execute("VACUUM")

    def _make_room(self, database: sqlite3.Connection, held: int) -> None:
        """Remove the least recently used scores, down to four fifths of the limit."""
        for key, size in database.execute("SELECT key, size FROM scores ORDER BY used").fetchall():
            if held <= 0.8 * self.limit:
                break
            database.execute("DELETE FROM scores WHERE key = ?", (key,))
            held -= size

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction; others wait for its end."""
        try:
            if not self._prepared:
                self._prepare()
            with closing(sqlite3.connect(self.path, timeout=WAIT, isolation_level="IMMEDIATE")) as database:
                database.execute("PRAGMA synchronous = NORMAL")
                with database:
                    yield database
        except (sqlite3.DatabaseError, OSError) as error:
            raise PsylmError(
                f"{self.path}: the kept scores cannot be used ({error}); expected a folder that can be written to "
                "(PSYLM_CACHE names another), and a file that is whole (it can be removed), or --no-cache"
            ) from None

    def _prepare(self) -> None:
        """Make the file, one process at a time: SQLite does not wait for another that is changing its mode."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.path}.lock"), closing(sqlite3.connect(self.path, timeout=WAIT)) as database:
            database.execute("PRAGMA journal_mode = WAL")  # readers do not wait for writers
            database.execute(
                "CREATE TABLE IF NOT EXISTS scores"
                " (key BLOB PRIMARY KEY, value TEXT, size INTEGER, used REAL) WITHOUT ROWID"
            )
        self._prepared = True
