"""How a stage runs: items, shards, an append-only journal, then one table.

A stage lists its items and processes any number of them; this module does the rest. Each finished item is one line
in a journal (`<stage>/journal/*.jsonl`), so a run that is killed at any moment continues where it stopped. The table
is written once every item has a result, in the items' order: the same content whatever the shards, workers or kills.

An item is finished when a journal line carries its *key*: the hash of its payload, the stage's version and settings.
A changed input or setting changes the key, and only then is the item done again. A stage is finished when its files are
written from the items as they are now and are whole (`marker.py`): then a rerun does nothing.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeVar

from data_contracts import Quarantine, UsageError, read_table, write_table
from data_contracts.contract import write_table_batches
from data_contracts.files import hash_file
from tasks.engine.attempts import CRASHED, begun_files, begun_items, forget_begun, note_path, noted, run_alone
from tasks.engine.journal import appended, journal_path, line_of
from tasks.engine.ledger import Ledger, fingerprint_of, items_of, ledger_of
from tasks.engine.locks import Timeout, exclusive
from tasks.engine.marker import (
    QUARANTINE,
    damaged_files,
    marker_path,
    read_marker,
    renew_times,
    table_paths,
    write_marker,
)
from tasks.engine.quality import FallbackWatch, excess, require_quality, shares
from tasks.engine.stage import ItemResult, Shard, Stage, StageState, StageSummary
from tasks.engine.workspace import Workspace

_BATCH_ROWS: Final = 8192
LOCK: Final = ".lock"
"""In a stage's folder: locked while a process runs the stage."""
_T = TypeVar("_T")

Mapper = Callable[[Callable[[Shard], int], Sequence[Shard]], Iterable[int]]
"""Runs a function over shards, anywhere, and yields the counts in any order: `map`, a pool, Prefect."""


def run_stage(
    stage: Stage,
    workspace: Workspace,
    *,
    shard_size: int = 256,
    mapper: Mapper = map,
    retry: bool = False,
    verify_files: bool = False,
) -> StageSummary:
    """Runs a stage from where it is to its finished files. A finished stage returns at once.

    `retry` processes quarantined items again, and those that the second choice made. `verify_files` reads every file
    and makes those again whose hash is not the recorded one. An item that was in work when a process died has a process
    of its own (`attempts.py`). Raises UsageError when another process runs this stage in this workspace, or when item
    ids repeat; QualityError past a limit.
    """
    with _only_runner(workspace, stage.name):
        if not retry and not verify_files and (summary := _finished_summary(stage, workspace)):
            renew_times(stage, workspace)
            return summary
        with ledger_of(stage, workspace, workspace.stage(stage.name) / ".ledger.sqlite") as ledger:
            return _run(ledger, shard_size=shard_size, mapper=mapper, retry=retry, verify_files=verify_files)


def run_shard(stage: Stage, workspace: Workspace, shard: Shard) -> int:
    """Processes a shard, journaling each item as it finishes. Returns the number of items finished."""
    items, keys = items_of(shard)
    count = 0
    path = journal_path(workspace, stage.name, shard.index)
    watch = FallbackWatch(stage.name, stage.limits())
    one_by_one = not (stage.large_shards or stage.single)
    with appended(path) as journal, noted(items, path) if one_by_one else nullcontext(items) as given:
        for result in stage.process(given, workspace):
            journal.write(line_of(result, keys[result.item_id], shard.run))
            journal.flush()  # what is flushed survives a kill; the sync at the end is for a power cut
            count += 1
            watch.add(result.fallback)
    return count


def run_single_shard(stage: Stage, workspace: Workspace, shard: Shard) -> int:
    """Processes a shard of one item, whose process died before, in a process of its own. Returns 1.

    When that one dies too, the item is quarantined.
    """
    (item,), keys = items_of(shard)
    error = run_alone(f"{stage.name} {item.item_id}", partial(run_shard, stage, workspace, shard))
    if error is not None:
        path = journal_path(workspace, stage.name, shard.index)
        with appended(path) as journal:
            journal.write(line_of(ItemResult(item.item_id, error=error), keys[item.item_id], shard.run))
        forget_begun([note_path(path)])
    return 1


def stage_state(stage: Stage, workspace: Workspace) -> StageState:
    """Returns how far a stage is and what a rerun would do; changes nothing.

    Raises ContractError when an input is missing.
    """
    if summary := _finished_summary(stage, workspace):
        return StageState(name=stage.name, done=summary.done, quarantined=summary.quarantined, pending=0)
    with temporary_ledger(stage, workspace) as ledger:
        damaged = _forget_damaged(ledger)
        counts = ledger.counts()
        past = "" if counts["pending"] else excess(shares(stage.limits(), ledger.outcome()))
    waiting = "damaged files to be written again" if damaged else "table to be written"
    waiting = f"past its quality limit: {past}" if past else waiting
    return StageState(name=stage.name, note="" if counts["pending"] else waiting, **counts)


def is_stage_finished(stage: Stage, workspace: Workspace) -> bool:
    """Whether a rerun would do nothing: the files are whole, and of the items as they are now."""
    return _finished_summary(stage, workspace) is not None


def check_stage(stage: Stage, workspace: Workspace) -> list[Path]:
    """Reads every file of a stage. Returns those that are missing or damaged; `run_stage(verify_files=True)` heals."""
    marker = read_marker(stage, workspace)
    damaged = damaged_files(stage, workspace, marker, by_hash=True) if marker else []
    with temporary_ledger(stage, workspace) as ledger:
        if marker and marker["fingerprint"] == ledger.fingerprint and ledger.counts()["pending"]:
            damaged.append(workspace.path(stage.name, "journal"))  # it had every item when the stage was finished
        return damaged + [path for entry in ledger.entries() for path in _damaged_item_files(stage, workspace, entry)]


def is_being_run(stage: str, workspace: Workspace) -> bool:
    """Whether a process runs the stage now, also one on another machine where the file system shares locks."""
    path = workspace.path(stage, LOCK)
    if not path.exists():
        return False
    try:
        with exclusive(path, timeout_s=0):
            return False
    except Timeout:
        return True


def read_quarantine(workspace: Workspace) -> list[Quarantine]:
    """Returns the quarantine of all stages."""
    found: list[Quarantine] = []
    for path in sorted(workspace.root.glob(f"*/{QUARANTINE}.parquet")):
        found.extend(read_table(path, Quarantine))
    return found


def _finished_summary(stage: Stage, workspace: Workspace, fingerprint: str = "") -> StageSummary | None:
    """Returns the summary of the run that finished the stage; None when the stage is not finished.

    `fingerprint` is that of the items where it is known already: making it lists all of them.
    """
    marker = read_marker(stage, workspace)
    if marker is None or marker["fingerprint"] != (fingerprint or fingerprint_of(stage, workspace)):
        return None
    return None if damaged_files(stage, workspace, marker) else StageSummary.stored(marker["summary"])


def _run(ledger: Ledger, *, shard_size: int, mapper: Mapper, retry: bool, verify_files: bool) -> StageSummary:
    stage, workspace = ledger.stage, ledger.workspace
    damaged = _forget_damaged(ledger, verify_files=verify_files)
    journal = workspace.path(stage.name, "journal")
    notes, suspects = begun_files(journal), begun_items(journal)
    if retry:
        suspects |= {entry["item_id"] for entry in ledger.failures() if entry["error"]["reason"] == CRASHED}
    shards = ledger.shards(size=shard_size, retry=retry, alone=suspects)
    if not shards and not damaged and (summary := _finished_summary(stage, workspace, ledger.fingerprint)):
        return summary
    marker_path(workspace, stage.name).unlink(missing_ok=True)
    for path in (*damaged, *table_paths(stage, workspace)):  # a table exists only when complete; nothing reuses damage
        path.unlink(missing_ok=True)
    new = sum(run_single_shard(stage, workspace, shard) for shard in shards if shard.alone)
    forget_begun(notes)
    new += sum(mapper(partial(run_shard, stage, workspace), [shard for shard in shards if not shard.alone]))
    ledger.update()
    return _finish(ledger, new)


def _forget_damaged(ledger: Ledger, *, verify_files: bool = False) -> list[Path]:
    """Marks items as unfinished whose files are damaged. Returns the damaged files that belong to no single item."""
    stage, workspace = ledger.stage, ledger.workspace
    marker = read_marker(stage, workspace)
    damaged = damaged_files(stage, workspace, marker, by_hash=verify_files) if marker else []
    if stage.single and (damaged or marker is None):
        ledger.forget([stage.name])
    if verify_files:
        ledger.forget([e["item_id"] for e in ledger.entries() if any(_damaged_item_files(stage, workspace, e))])
    return damaged


def _damaged_item_files(stage: Stage, workspace: Workspace, entry: dict[str, Any]) -> Iterator[Path]:
    for row in entry["rows"]:
        for name, sha256 in stage.item_files(row).items():
            path = workspace.path(name)
            if not path.is_file() or hash_file(path) != sha256:
                yield path


def _finish(ledger: Ledger, new: int) -> StageSummary:
    """Writes the stage's table and quarantine. Raises UsageError when items are still unfinished."""
    stage, workspace = ledger.stage, ledger.workspace
    ledger.require_complete()
    counts = ledger.outcome()
    found = shares(stage.limits(), counts)
    summary = StageSummary(stage=stage.name, new=new, done=counts.done, reasons=counts.reasons, shares=found)
    if not stage.single:
        failures = _batches(_failures(ledger))
        summary.quarantined = write_table_batches(workspace.table(stage.name, QUARANTINE), Quarantine, failures)
    require_quality(stage.name, found, workspace.root)
    stage.before_table(row for entry in ledger.entries() for row in entry["rows"])
    rows = (row for entry in ledger.entries() for row in entry["rows"])
    if stage.row_type is None:
        pass
    elif stage.row_wise:  # rows do not depend on each other: a table larger than memory is fine
        batches = (stage.assemble(batch, workspace) for batch in _batches(rows))
        summary.rows = write_table_batches(workspace.table(stage.name, stage.row_type.TABLE), stage.row_type, batches)
    else:
        table = stage.assemble(list(rows), workspace)
        summary.rows = write_table(workspace.table(stage.name, stage.row_type.TABLE), stage.row_type, table)
    summary.note = stage.on_finished(workspace)
    write_marker(stage, workspace, ledger.fingerprint, summary)
    return summary


def _failures(ledger: Ledger) -> Iterator[Quarantine]:
    """Yields the quarantine's rows in item order."""
    for entry in ledger.failures():
        yield Quarantine(stage=ledger.stage.name, item_id=entry["item_id"], **entry["error"])


def _batches(rows: Iterator[_T]) -> Iterator[list[_T]]:
    while batch := list(islice(rows, _BATCH_ROWS)):
        yield batch


@contextmanager
def temporary_ledger(stage: Stage, workspace: Workspace) -> Iterator[Ledger]:
    """Makes a ledger outside of the workspace: the stage may be running."""
    with (
        tempfile.TemporaryDirectory(prefix="foleygenex-") as folder,
        ledger_of(stage, workspace, Path(folder) / "ledger.sqlite") as ledger,
    ):
        yield ledger


@contextmanager
def _only_runner(workspace: Workspace, stage_name: str) -> Iterator[None]:
    """Keeps other processes from running the stage while the block runs."""
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive(workspace.stage(stage_name) / LOCK, timeout_s=0))
        except Timeout as error:
            raise UsageError(
                f"stage {stage_name} of {workspace.root} is being run by another process; wait for it or stop it"
            ) from error
        yield
