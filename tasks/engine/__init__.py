"""How a per-item stage runs: items, shards, an append-only journal, then one table. Read `run.py` first."""

from tasks.engine.journal import read_journal
from tasks.engine.run import (
    Mapper,
    is_stage_finished,
    read_quarantine,
    run_shard,
    run_stage,
    stage_state,
)
from tasks.engine.stage import Item, ItemResult, Shard, Stage, StageSummary, each, rows_from_dicts

__all__ = [
    "Item",
    "ItemResult",
    "Mapper",
    "Shard",
    "Stage",
    "StageSummary",
    "each",
    "is_stage_finished",
    "read_journal",
    "read_quarantine",
    "rows_from_dicts",
    "run_shard",
    "run_stage",
    "stage_state",
]
