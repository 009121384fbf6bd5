"""The append-only journal of a stage, `<stage>/journal/*.jsonl`: one line per finished item, which a kill cannot undo.

A line carries the item's key, the run's number, and the item's rows or its failure. The half line of a killed run, and
anything else that is no entry, is skipped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tasks.engine.stage import ItemResult
from tasks.engine.workspace import Workspace


def journal_files(workspace: Workspace, stage_name: str) -> list[Path]:
    """Returns the journal's files, by name."""
    return sorted(workspace.path(stage_name, "journal").glob("*.jsonl"))


def entries_of(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields the offset and the content of each entry of a journal file, one in memory at a time."""
    offset = 0
    with path.open("rb") as journal:
        for line in journal:
            entry = _parse(line)
            if entry is not None:
                yield offset, entry
            offset += len(line)


def entry_at(journal: BinaryIO, offset: int) -> dict[str, Any]:
    """Returns the entry that begins at an offset of an open journal file."""
    journal.seek(offset)
    entry: dict[str, Any] = json.loads(journal.readline())
    return entry


def read_journal(workspace: Workspace, stage_name: str) -> dict[str, dict[str, Any]]:
    """Returns the latest journal entry per item."""
    entries: dict[str, dict[str, Any]] = {}
    for path in journal_files(workspace, stage_name):
        for _, entry in entries_of(path):
            known = entries.get(entry["item_id"])
            if known is None or entry["run"] >= known["run"]:
                entries[entry["item_id"]] = entry
    return entries


@contextmanager
def appended(path: Path) -> Iterator[BinaryIO]:
    """Opens a journal file to add lines; what was added is on disk when the block ends without an error."""
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as journal:
        if journal.tell() and not _ends_with_newline(path):
            journal.write(b"\n")  # a killed run's half line is skipped, and the next line is whole
        yield journal
        os.fsync(journal.fileno())


def line_of(result: ItemResult, key: str, run: int) -> bytes:
    """Returns a result as a line of the journal."""
    entry: dict[str, Any] = {"item_id": result.item_id, "key": key, "run": run}
    if result.error is not None:
        entry["error"] = {"reason": result.error.reason, "message": result.error.message}
    else:
        entry["rows"] = list(result.rows)
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and {"item_id", "key", "run"} <= entry.keys() else None


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
