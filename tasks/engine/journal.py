"""The append-only journal of a stage, `<stage>/journal/*.jsonl`: one line per finished item, which a kill cannot undo.

A line carries the item's key, the run's number, the item's rows or its failure, whether the second choice made them
(`fallback`, where there is one), and a checksum of all that. The half line of a killed run, a line that was damaged,
and anything else that is no entry count as not there.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final

from data_contracts import ContractError
from tasks.engine.stage import ItemResult
from tasks.engine.workspace import Workspace

_CHECKSUM: Final = b',"crc32":"%08x"}'  # ends each line; of the line's bytes before it


def journal_path(workspace: Workspace, stage_name: str, shard_index: int) -> Path:
    """Returns the file that a shard's entries are added to."""
    return workspace.path(stage_name, "journal", f"{shard_index:05d}.jsonl")


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
    """Returns the entry that begins at an offset of an open journal file. Raises ContractError when it is damaged."""
    journal.seek(offset)
    entry = _parse(journal.readline())
    if entry is None:
        raise ContractError(f"{journal.name}: the entry at byte {offset} is damaged; run the stage again")
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
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as journal:
        if journal.tell() and not _ends_with_newline(path):
            journal.write(b"\n")  # a killed run's half line is skipped, and the next line is whole
        yield journal
        os.fsync(journal.fileno())


def line_of(result: ItemResult, key: str, run: int) -> bytes:
    """Returns a result as a line of the journal, with its checksum."""
    entry: dict[str, Any] = {"item_id": result.item_id, "key": key, "run": run}
    if result.error is not None:
        entry["error"] = {"reason": result.error.reason, "message": result.error.message}
    else:
        entry["rows"] = list(result.rows)
    if result.fallback is not None:
        entry["fallback"] = result.fallback
    content = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()[:-1]
    return content + _CHECKSUM % zlib.crc32(content) + b"\n"


def _parse(line: bytes) -> dict[str, Any] | None:
    line = line.rstrip(b"\n")
    content = line[: -len(_CHECKSUM % 0)]
    if line != content + _CHECKSUM % zlib.crc32(content):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    whole = {"item_id", "key", "run"} <= entry.keys() and ("rows" in entry) != ("error" in entry)
    return entry if whole else None


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
