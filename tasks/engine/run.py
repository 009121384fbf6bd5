"""How a per-item stage runs: items, shards, an append-only journal, then one table.

A stage lists its items and processes any number of them; this module does the rest. Each finished item is one line
in a journal (`<stage>/journal/*.jsonl`), so a run that is killed at any moment continues where it stopped. The table
is written once every item has an outcome, in the items' order: the same content whatever the shards, workers or kills.

An item is finished when a journal line carries its *key*: the hash of its payload, the stage's version and settings.
A changed input or setting changes the key, and only then is the item done again.
"""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from data_contracts import Quarantine, UsageError, read_table, write_table
from data_contracts.contract import write_table_batches
from tasks.engine.journal import appended, line_of
from tasks.engine.ledger import Ledger, fingerprint_of, items_of, ledger_of
from tasks.engine.stage import Shard, Stage, StageSummary
from tasks.engine.workspace import Workspace, read_json, write_json

_BATCH_ROWS: Final = 8192
_T = TypeVar("_T")
_SUMMARY: Final = ("stage", "done", "new", "quarantined", "rows", "reasons", "note")

Mapper = Callable[[Callable[[Shard], int], Sequence[Shard]], Iterable[int]]
"""Runs a function over shards, anywhere, and yields the counts in any order: `map`, a pool, Prefect."""


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
    with (
        _only_runner(workspace, stage.name),
        ledger_of(stage, workspace, workspace.stage(stage.name) / ".ledger.sqlite") as ledger,
    ):
        shards = ledger.shards(size=shard_size, retry=retry)
        if not shards and (summary := _summary_of(stage, workspace, ledger.fingerprint)):
            return summary
        _marker(workspace, stage.name).unlink(missing_ok=True)
        workspace.table(stage.name, stage.row_type.TABLE).unlink(missing_ok=True)  # a table exists only when complete
        new = sum(mapper(partial(run_shard, stage, workspace), shards))
        ledger.update()
        return _finish(ledger, new)


def run_shard(stage: Stage, workspace: Workspace, shard: Shard) -> int:
    """Processes a shard, journaling each item as it finishes. Returns the number of items finished."""
    items, keys = items_of(shard)
    count = 0
    with appended(workspace.stage(stage.name) / "journal" / f"{shard.index:05d}.jsonl") as journal:
        for outcome in stage.process(items, workspace):
            journal.write(line_of(outcome, keys[outcome.item_id], shard.run))
            journal.flush()  # what is flushed survives a kill; the sync at the end is for a power cut
            count += 1
    return count


def stage_state(stage: Stage, workspace: Workspace) -> dict[str, int]:
    """Returns counts for `status`: done, quarantined, pending (what a rerun would process); changes nothing."""
    with (
        tempfile.TemporaryDirectory(prefix="foleygenex-") as folder,  # not in the workspace: the stage may be running
        ledger_of(stage, workspace, Path(folder) / "ledger.sqlite") as ledger,
    ):
        return ledger.counts()


def is_stage_finished(stage: Stage, workspace: Workspace) -> bool:
    """Whether the table is written and of the items as they are now."""
    return _is_written(stage, workspace) and _summary_of(stage, workspace, fingerprint_of(stage, workspace)) is not None


def read_quarantine(workspace: Workspace) -> list[Quarantine]:
    """Returns the quarantine of all stages."""
    found: list[Quarantine] = []
    for path in sorted(workspace.root.glob("*/quarantine.parquet")):
        found.extend(read_table(path, Quarantine))
    return found


def _finish(ledger: Ledger, new: int) -> StageSummary:
    """Writes the stage's table and quarantine. Raises UsageError when items are still unfinished."""
    stage, workspace = ledger.stage, ledger.workspace
    summary = StageSummary(stage=stage.name, new=new)
    table = workspace.table(stage.name, stage.row_type.TABLE)
    rows = _finished_rows(ledger, summary)
    if getattr(stage, "row_wise", False):  # rows do not depend on each other: a table larger than memory is fine
        batches = (stage.assemble(batch, workspace) for batch in _batches(rows))
        summary.rows = write_table_batches(table, stage.row_type, batches)
    else:
        summary.rows = write_table(table, stage.row_type, stage.assemble(list(rows), workspace))
    failures = _batches(_failures(ledger, summary))
    summary.quarantined = write_table_batches(workspace.table(stage.name, "quarantine"), Quarantine, failures)
    if finished := getattr(stage, "finished", None):
        summary.note = finished(workspace) or ""
    values = {name: getattr(summary, name) for name in _SUMMARY}
    write_json(_marker(workspace, stage.name), {"fingerprint": ledger.fingerprint, "summary": values})
    return summary


def _finished_rows(ledger: Ledger, summary: StageSummary) -> Iterator[dict[str, Any]]:
    """Yields the journal's rows in item order, read one entry at a time; counts the items into `summary`."""
    for entry in ledger.entries():
        summary.done += 1
        yield from entry["rows"]


def _failures(ledger: Ledger, summary: StageSummary) -> Iterator[Quarantine]:
    """Yields the quarantine's rows in item order; counts the reasons into `summary`."""
    for entry in ledger.failures():
        failure = Quarantine(stage=ledger.stage.name, item_id=entry["item_id"], **entry["error"])
        summary.reasons[failure.reason] = summary.reasons.get(failure.reason, 0) + 1
        yield failure


def _batches(rows: Iterator[_T]) -> Iterator[list[_T]]:
    while batch := list(islice(rows, _BATCH_ROWS)):
        yield batch


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


def _marker(workspace: Workspace, stage_name: str) -> Path:
    return workspace.path(stage_name, "stage.json")


def _is_written(stage: Stage, workspace: Workspace) -> bool:
    return _marker(workspace, stage.name).exists() and workspace.table(stage.name, stage.row_type.TABLE).exists()


def _summary_of(stage: Stage, workspace: Workspace, fingerprint: str) -> StageSummary | None:
    """Returns the summary of a table that is written, of items with this fingerprint; else None."""
    if not _is_written(stage, workspace):
        return None
    content = read_json(_marker(workspace, stage.name))
    if content["fingerprint"] != fingerprint:
        return None
    return StageSummary(**{**content["summary"], "new": 0})
