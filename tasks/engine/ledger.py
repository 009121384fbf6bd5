"""A run's ledger: its items, and where in the journal each one's result is. On disk, so memory does not grow.

It is an SQLite file, made from the stage's items and its journal at the start of a run and removed at its end: it has
nothing that is not in those two. Workers read their shard's items from it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from data_contracts import UsageError, to_json
from tasks.engine.journal import entries_of, entry_at, journal_files
from tasks.engine.quality import Counts
from tasks.engine.stage import Item, Shard, Stage
from tasks.engine.workspace import Workspace, hash_text

_TABLES: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE item (number INTEGER PRIMARY KEY, item_id TEXT NOT NULL UNIQUE, key TEXT NOT NULL, payload TEXT NOT NULL);
CREATE TABLE result (item_id TEXT PRIMARY KEY, key TEXT, run INTEGER, failed INTEGER, fallback INTEGER, file INTEGER,
    start INTEGER) WITHOUT ROWID;
CREATE TABLE pending (position INTEGER PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE alone (item_id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_RECORD: Final = """
INSERT INTO result VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (item_id) DO UPDATE SET key = excluded.key,
    run = excluded.run, failed = excluded.failed, fallback = excluded.fallback, file = excluded.file,
    start = excluded.start WHERE excluded.run >= result.run
"""
_PENDING: Final = """
INSERT INTO pending (number)
    SELECT item.number FROM item LEFT JOIN result USING (item_id) LEFT JOIN alone USING (item_id)
    WHERE result.key IS NOT item.key OR (? AND (result.failed OR result.fallback))
    ORDER BY alone.item_id IS NULL, item.number
"""
_ALONE: Final = "SELECT count(*) FROM pending JOIN item USING (number) JOIN alone USING (item_id)"
_IN_ORDER: Final = """
SELECT result.file, result.start FROM item JOIN result
    ON result.item_id = item.item_id AND result.key = item.key WHERE result.failed = ? ORDER BY item.number
"""
_LINES: Final = """
SELECT result.start FROM item JOIN result ON result.item_id = item.item_id AND result.key = item.key
    WHERE result.file = ? ORDER BY result.start
"""
_MISSING: Final = """
SELECT item.item_id FROM item LEFT JOIN result USING (item_id) WHERE result.key IS NOT item.key
    ORDER BY item.number LIMIT 1
"""
_SHARD: Final = """
SELECT item_id, key, payload FROM pending JOIN item USING (number)
    WHERE position > ? AND position <= ? ORDER BY position
"""
_COUNTS: Final = """
SELECT count(*), count(result.key), coalesce(sum(result.failed), 0), count(result.fallback),
    coalesce(sum(result.fallback), 0) FROM item LEFT JOIN result
    ON result.item_id = item.item_id AND result.key = item.key
"""


@dataclass(slots=True)
class Ledger:
    """The items of a stage and their results. `fingerprint` is the hash of all keys: equal, nothing has changed."""

    path: Path
    base: sqlite3.Connection
    stage: Stage
    workspace: Workspace
    fingerprint: str
    files: list[Path]

    def update(self) -> None:
        """Reads the journal again, after a run has added to it."""
        self.files = _add_results(self.base, self.stage, self.workspace)

    def shards(self, *, size: int, retry: bool, alone: Iterable[str] = ()) -> list[Shard]:
        """Returns the shards of unfinished items: first those of `alone`, an item each, then those of all others.

        With `retry`, items in quarantine and those that the second choice made count as unfinished.
        """
        self.base.executescript("DELETE FROM pending; DELETE FROM alone;")
        self.base.executemany("INSERT OR IGNORE INTO alone VALUES (?)", ((item_id,) for item_id in alone))
        self.base.execute(_PENDING, (retry,))
        (first,) = self.base.execute(_ALONE).fetchone()
        self.base.commit()
        (count,) = self.base.execute("SELECT count(*) FROM pending").fetchone()
        (last,) = self.base.execute("SELECT coalesce(max(run), 0) FROM result").fetchone()
        starts = [*range(first), *range(first, count, size)]
        ends = [*starts[1:], count]
        return [
            Shard(number, start, end - start, last + 1, self.path, number < first)
            for number, (start, end) in enumerate(zip(starts, ends, strict=False))
        ]

    def counts(self) -> dict[str, int]:
        """Returns how many items are done, quarantined and pending."""
        items, current, failed, _, _ = self.base.execute(_COUNTS).fetchone()
        return {"done": current - failed, "quarantined": failed, "pending": items - current}

    def outcome(self) -> Counts:
        """Returns how the finished items ended, with the quarantine's reasons."""
        _, current, failed, attempted, fallbacks = self.base.execute(_COUNTS).fetchone()
        reasons = Counter(str(entry["error"]["reason"]) for entry in self.failures())
        counts = {"done": current - failed, "quarantined": failed, "attempted": attempted, "fallbacks": fallbacks}
        return Counts(**counts, reasons=dict(reasons))

    def require_complete(self) -> None:
        """Raises UsageError naming the first item without a result."""
        if missing := self.base.execute(_MISSING).fetchone():
            raise UsageError(f"stage {self.stage.name}: item {missing[0]} is unfinished; run the stage again")

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yields the journal's entry of each item that has rows, in item order."""
        return self._read(failed=False)

    def failures(self) -> Iterator[dict[str, Any]]:
        """Yields the journal's entry of each quarantined item, in item order."""
        return self._read(failed=True)

    def current_lines(self, file: Path) -> list[int]:
        """Returns where in a journal file the lines of items as they are now begin, in order."""
        return [start for (start,) in self.base.execute(_LINES, (self.files.index(file),))]

    def forget(self, item_ids: Iterable[str]) -> None:
        """Counts these items as unfinished, until the journal is read again."""
        self.base.executemany("UPDATE result SET key = NULL WHERE item_id = ?", ((name,) for name in item_ids))

    def _read(self, *, failed: bool) -> Iterator[dict[str, Any]]:
        with ExitStack() as stack:
            opened: dict[int, BinaryIO] = {}
            for file, start in self.base.execute(_IN_ORDER, (failed,)):
                if file not in opened:
                    stack.close()
                    opened = {file: stack.enter_context(self.files[file].open("rb"))}
                yield entry_at(opened[file], start)


@contextmanager
def ledger_of(stage: Stage, workspace: Workspace, path: Path) -> Iterator[Ledger]:
    """Makes the ledger of a stage as file `path`, which is removed at the end. Raises UsageError when ids repeat."""
    path.unlink(missing_ok=True)
    base = sqlite3.connect(path, check_same_thread=False)
    try:
        base.executescript(_TABLES)
        fingerprint = _add_items(base, stage, workspace)
        yield Ledger(path, base, stage, workspace, fingerprint, _add_results(base, stage, workspace))
    finally:
        base.close()
        path.unlink(missing_ok=True)


def items_of(shard: Shard) -> tuple[list[Item], dict[str, str]]:
    """Returns a shard's items, and item id -> key. Works in any process that sees the workspace."""
    base = sqlite3.connect(f"{shard.ledger.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        rows = base.execute(_SHARD, (shard.start, shard.start + shard.size)).fetchall()
    finally:
        base.close()
    return [Item(item_id, json.loads(payload)) for item_id, _, payload in rows], {name: key for name, key, _ in rows}


def fingerprint_of(stage: Stage, workspace: Workspace) -> str:
    """Returns the ledger's fingerprint without making one."""
    digest = _digest_of(stage)
    for _, key in _keyed(stage, workspace):
        digest.update(key.encode())
    return digest.hexdigest()


def _digest_of(stage: Stage) -> Any:
    """Returns a digest that has the settings of the table alone; the items' keys have all others."""
    settings = stage.table_settings()
    return hashlib.sha256(to_json(settings).encode() if settings else b"")


def _keyed(stage: Stage, workspace: Workspace) -> Iterator[tuple[Item, str]]:
    """Yields the stage's items with their keys, the hashes of everything an item's result depends on."""
    settings = to_json(stage.settings())
    for item in stage.items(workspace):
        yield item, hash_text(stage.name, str(stage.version), settings, item.item_id, to_json(item.payload))


def _add_items(base: sqlite3.Connection, stage: Stage, workspace: Workspace) -> str:
    """Adds the stage's items with their keys; returns the fingerprint."""
    digest = _digest_of(stage)
    for number, (item, key) in enumerate(_keyed(stage, workspace)):
        try:
            base.execute("INSERT INTO item VALUES (?, ?, ?, ?)", (number, item.item_id, key, json.dumps(item.payload)))
        except sqlite3.IntegrityError as error:
            raise UsageError(f"stage {stage.name}: item id {item.item_id!r} repeats; ids must be unique") from error
        digest.update(key.encode())
    base.commit()
    return digest.hexdigest()


def _add_results(base: sqlite3.Connection, stage: Stage, workspace: Workspace) -> list[Path]:
    """Adds where the latest entry of each item is; returns the journal's files."""
    base.execute("DELETE FROM result")
    files = journal_files(workspace, stage.name)
    for number, file in enumerate(files):
        entries = (
            (e["item_id"], e["key"], e["run"], "error" in e, e.get("fallback"), number, start)
            for start, e in entries_of(file)
        )
        base.executemany(_RECORD, entries)
    base.commit()
    return files
