"""How a stage runs: items, shards, an append-only journal, then one table. Read `stage.py`, then `run.py`."""

from tasks.engine.journal import read_journal
from tasks.engine.run import (
    Mapper,
    check_stage,
    is_being_run,
    is_stage_finished,
    read_quarantine,
    run_shard,
    run_stage,
    stage_state,
)
from tasks.engine.stage import (
    Item,
    ItemResult,
    Shard,
    SingleItemStage,
    Stage,
    StageState,
    StageSummary,
    each,
    hashed_files,
)

__all__ = [
    "Item",
    "ItemResult",
    "Mapper",
    "Shard",
    "SingleItemStage",
    "Stage",
    "StageState",
    "StageSummary",
    "check_stage",
    "each",
    "hashed_files",
    "is_being_run",
    "is_stage_finished",
    "read_journal",
    "read_quarantine",
    "run_shard",
    "run_stage",
    "stage_state",
]
