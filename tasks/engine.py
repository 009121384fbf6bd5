"""How a per-item stage runs: items, shards, an append-only journal, then one table.

A stage lists its items and processes any number of them; this module does the rest. Each finished item is one line
in a journal (`<stage>/journal/*.jsonl`), so a run that is killed at any moment continues where it stopped. The table
is written once every item has an outcome, in the items' order: the same content whatever the shards, workers or kills.

An item is finished when a journal line carries its *key*: the hash of its payload, the stage's version and settings.
A changed input or setting changes the key, and only then is the item done again.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from data_contracts import ItemError, Quarantine, Row, UsageError, read_table, to_json, write_table
from data_contracts.contract import write_table_batches
from tasks.workspace import Workspace, hash_text, read_json, write_json

log = logging.getLogger(__name__)
_BATCH_ROWS: Final = 8192


@dataclass(frozen=True, slots=True)
class Item:
    """One unit of work. `payload` is JSON-able and holds all that the result depends on (paths with their hashes)."""

    item_id: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item: rows (as dicts), or a failure."""

    item_id: str
    rows: tuple[dict[str, Any], ...] = ()
    error: ItemError | None = None


class Stage(Protocol):
    """A per-item stage. Implementations are small frozen dataclasses that hold their config, so they pickle."""

    @property
    def name(self) -> str:
        """The stage's name: its folder in the workspace."""

    @property
    def version(self) -> int:
        """Raised when the code changes what it writes."""

    @property
    def row_type(self) -> type[Row]:
        """The row of the stage's table."""

    def settings(self) -> dict[str, Any]:
        """Returns the settings that the result depends on, JSON-able (not: worker counts)."""

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns the items, in the order of the table. Reads only earlier stages' tables."""

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[Outcome]:
        """Yields an outcome per item as soon as it is finished, in any order."""

    def assemble(self, rows: list[dict[str, Any]], workspace: Workspace) -> list[Row]:
        """Turns the journal's rows, in item order, into the table's rows. Usually `rows_from_dicts`."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Items that one worker handles. `run` numbers the runs of a stage: a later run's journal entries win."""

    index: int
    items: tuple[Item, ...]
    run: int = 0


@dataclass(slots=True)
class StageSummary:
    """What a stage run did. `new` counts the items processed now, `done` all that have rows."""

    stage: str
    done: int = 0
    new: int = 0
    quarantined: int = 0
    rows: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def line(self) -> str:
        """Returns the one line a person reads."""
        failed = ", ".join(f"{n} {reason}" for reason, n in sorted(self.reasons.items()))
        note = f"; {self.quarantined} quarantined ({failed})" if self.quarantined else ""
        return f"{self.stage}: {self.done} done ({self.new} now), {self.rows} rows{note}"


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an item's journal entry stands."""

    key: str
    serial: int
    failed: bool
    path: Path
    offset: int


Mapper = Callable[[Callable[[Shard], int], Sequence[Shard]], Iterable[int]]
"""Runs a function over shards, anywhere, and yields the counts in any order: `map`, a pool, Prefect."""


def each(items: Sequence[Item], function: Callable[[Item], Sequence[Row]]) -> Iterator[Outcome]:
    """Processes items one by one; an ItemError becomes the item's outcome, anything else stops the stage."""
    for item in items:
        try:
            rows = function(item)
        except ItemError as error:
            yield Outcome(item.item_id, error=error)
        else:
            yield Outcome(item.item_id, rows=tuple(row.to_dict() for row in rows))


def rows_from_dicts(row_type: type[Row], rows: list[dict[str, Any]]) -> list[Row]:
    """Returns typed rows, the plain `assemble`."""
    return [row_type.from_dict(row) for row in rows]


def item_keys(stage: Stage, items: Sequence[Item]) -> dict[str, str]:
    """Returns item id -> hash of everything the item's result depends on."""
    settings = to_json(stage.settings())
    return {
        item.item_id: hash_text(stage.name, str(stage.version), settings, item.item_id, to_json(item.payload))
        for item in items
    }


def plan_shards(
    stage: Stage, workspace: Workspace, items: Sequence[Item], *, shard_size: int, retry: bool = False
) -> list[Shard]:
    """Returns the shards of unfinished items; with `retry`, quarantined items count as unfinished."""
    journal = _journal_index(workspace, stage.name)
    run = max((entry.serial for entry in journal.values()), default=0) + 1
    keys = item_keys(stage, items)
    pending = []
    for item in items:
        entry = journal.get(item.item_id)
        if entry is None or entry.key != keys[item.item_id] or (retry and entry.failed):
            pending.append(item)
    starts = range(0, len(pending), shard_size)
    return [Shard(number, tuple(pending[start : start + shard_size]), run) for number, start in enumerate(starts)]


def run_shard(stage: Stage, workspace: Workspace, shard: Shard) -> int:
    """Processes a shard, journaling each item as it finishes. Returns the number of items finished."""
    path = workspace.stage(stage.name) / "journal" / f"{shard.index:05d}.jsonl"
    path.parent.mkdir(exist_ok=True)
    keys = item_keys(stage, shard.items)
    count = 0
    with path.open("ab") as journal:
        if journal.tell() and not _ends_with_newline(path):
            journal.write(b"\n")  # a killed run's half line stays unreadable and alone
        for outcome in stage.process(shard.items, workspace):
            journal.write(_journal_line(outcome, keys[outcome.item_id], shard.run))
            journal.flush()  # what is flushed survives a kill; the sync below is for a power cut
            count += 1
        os.fsync(journal.fileno())
    return count


def finish_stage(stage: Stage, workspace: Workspace, items: Sequence[Item], new: int) -> StageSummary:
    """Writes the stage's table and quarantine. Raises UsageError when items are still unfinished."""
    summary = StageSummary(stage=stage.name, new=new)
    failures: list[Quarantine] = []
    table = workspace.table(stage.name, stage.row_type.TABLE)
    dicts = _finished_rows(stage, workspace, items, summary, failures)
    if getattr(stage, "row_wise", False):  # rows do not depend on each other: a table larger than memory is fine
        batches = (stage.assemble(batch, workspace) for batch in _batches(dicts))
        summary.rows = write_table_batches(table, stage.row_type, batches)
    else:
        summary.rows = write_table(table, stage.row_type, stage.assemble(list(dicts), workspace))
    for failure in failures:
        summary.reasons[failure.reason] = summary.reasons.get(failure.reason, 0) + 1
    summary.quarantined = len(failures)
    write_table(workspace.table(stage.name, "quarantine"), Quarantine, failures)
    if finished := getattr(stage, "finished", None):
        finished(workspace)
    write_json(
        _marker(workspace, stage.name),
        {"fingerprint": _fingerprint(stage, items), "summary": _plain(summary)},
    )
    return summary


def run_stage(
    stage: Stage,
    workspace: Workspace,
    *,
    shard_size: int = 256,
    mapper: Mapper = map,
    retry: bool = False,
) -> StageSummary:
    """Runs a stage from where it stands to its finished table. A finished stage returns at once.

    Raises UsageError when another process is running this stage in this workspace, or when item ids repeat.
    """
    items = stage.items(workspace)
    _check_ids(stage.name, items)
    with _only_runner(workspace, stage.name):
        shards = plan_shards(stage, workspace, items, shard_size=shard_size, retry=retry)
        if not shards and (summary := _finished_summary(stage, workspace, items)):
            return summary
        _marker(workspace, stage.name).unlink(missing_ok=True)
        workspace.table(stage.name, stage.row_type.TABLE).unlink(missing_ok=True)  # a table exists only when complete
        new = sum(mapper(partial(run_shard, stage, workspace), shards))
        return finish_stage(stage, workspace, items, new)


def stage_state(stage: Stage, workspace: Workspace) -> dict[str, int]:
    """Returns counts for `status`: done, quarantined, pending (what a rerun would process); changes nothing."""
    items = stage.items(workspace)
    journal = _journal_index(workspace, stage.name)
    keys = item_keys(stage, items)
    current = [e for i in items if (e := journal.get(i.item_id)) and e.key == keys[i.item_id]]
    quarantined = sum(entry.failed for entry in current)
    return {"done": len(current) - quarantined, "quarantined": quarantined, "pending": len(items) - len(current)}


def is_stage_finished(stage: Stage, workspace: Workspace) -> bool:
    """Whether a run would return at once: every item has its outcome and the table is written."""
    return _finished_summary(stage, workspace, stage.items(workspace)) is not None


def read_journal(workspace: Workspace, stage_name: str) -> dict[str, dict[str, Any]]:
    """Returns the latest journal entry per item. Half-written lines of a killed run are passed over."""
    entries: dict[str, dict[str, Any]] = {}
    for path in sorted(workspace.path(stage_name, "journal").glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            entry = _parse(line)
            if entry is None:
                continue
            known = entries.get(entry["item_id"])
            if known is None or entry["serial"] >= known["serial"]:
                entries[entry["item_id"]] = entry
    return entries


def _journal_index(workspace: Workspace, stage_name: str) -> dict[str, _Place]:
    """Returns where the latest entry of each item stands: the journal's rows stay on disk."""
    places: dict[str, _Place] = {}
    for path in sorted(workspace.path(stage_name, "journal").glob("*.jsonl")):
        offset = 0
        with path.open("rb") as journal:
            for line in journal:
                entry = _parse(line)
                if entry is not None:
                    known = places.get(entry["item_id"])
                    if known is None or entry["serial"] >= known.serial:
                        place = _Place(entry["key"], entry["serial"], "error" in entry, path, offset)
                        places[entry["item_id"]] = place
                offset += len(line)
    return places


def _finished_rows(
    stage: Stage, workspace: Workspace, items: Sequence[Item], summary: StageSummary, failures: list[Quarantine]
) -> Iterator[dict[str, Any]]:
    """Yields the journal's rows in item order, read one entry at a time; counts into `summary` and `failures`."""
    places = _journal_index(workspace, stage.name)
    keys = item_keys(stage, items)
    opened: tuple[Path, BinaryIO] | None = None
    try:
        for item in items:
            place = places.get(item.item_id)
            if place is None or place.key != keys[item.item_id]:
                raise UsageError(f"stage {stage.name}: item {item.item_id} is unfinished; run the stage again")
            if opened is None or opened[0] != place.path:
                if opened is not None:
                    opened[1].close()
                opened = (place.path, place.path.open("rb"))
            opened[1].seek(place.offset)
            entry = json.loads(opened[1].readline())
            if place.failed:
                failures.append(Quarantine(stage=stage.name, item_id=item.item_id, **entry["error"]))
            else:
                summary.done += 1
                yield from entry["rows"]
    finally:
        if opened is not None:
            opened[1].close()


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, _BATCH_ROWS)):
        yield batch


def read_quarantine(workspace: Workspace) -> list[Quarantine]:
    """Returns the quarantine of all stages."""
    found: list[Quarantine] = []
    for path in sorted(workspace.root.glob("*/quarantine.parquet")):
        found.extend(read_table(path, Quarantine))
    return found


def _journal_line(outcome: Outcome, key: str, run: int) -> bytes:
    entry: dict[str, Any] = {"item_id": outcome.item_id, "key": key, "serial": run}
    if outcome.error is not None:
        entry["error"] = {"reason": outcome.error.reason, "message": outcome.error.message}
    else:
        entry["rows"] = list(outcome.rows)
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


@contextmanager
def _only_runner(workspace: Workspace, stage_name: str) -> Iterator[None]:
    """Holds the stage's lock; the system gives it back however the process ends."""
    with (workspace.stage(stage_name) / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(
                f"stage {stage_name} of {workspace.root} is being run by another process; wait for it or stop it"
            ) from error
        yield


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and {"item_id", "key", "serial"} <= entry.keys() else None


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _marker(workspace: Workspace, stage_name: str) -> Path:
    return workspace.path(stage_name, "stage.json")


def _fingerprint(stage: Stage, items: Sequence[Item]) -> str:
    return hash_text(*item_keys(stage, items).values())


def _finished_summary(stage: Stage, workspace: Workspace, items: Sequence[Item]) -> StageSummary | None:
    marker = _marker(workspace, stage.name)
    if not marker.exists() or not workspace.table(stage.name, stage.row_type.TABLE).exists():
        return None
    content = read_json(marker)
    if content["fingerprint"] != _fingerprint(stage, items):
        return None
    return StageSummary(**{**content["summary"], "new": 0})


def _plain(summary: StageSummary) -> dict[str, Any]:
    return {name: getattr(summary, name) for name in ("stage", "done", "new", "quarantined", "rows", "reasons")}


def _check_ids(stage_name: str, items: Sequence[Item]) -> None:
    seen: set[str] = set()
    for item in items:
        if item.item_id in seen:
            raise UsageError(f"stage {stage_name}: item id {item.item_id!r} repeats; ids must be unique")
        seen.add(item.item_id)
