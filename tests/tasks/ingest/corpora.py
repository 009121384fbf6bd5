"""Corpora on disk for the ingest tests, and what ingest makes of them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from data_contracts import Clip, read_table
from tasks.corpus.config import CorpusConfig
from tasks.engine import Item, StageSummary, read_quarantine, run_stage
from tasks.engine.workspace import Workspace, read_json
from tasks.ingest.config import IngestConfig
from tasks.ingest.listing import Listing, list_recordings
from tasks.ingest.stage import IngestStage

COLUMNS = ("id", "audio", "video", "caption", "split", "group", "licence")

ACCEPTING = {"accept_quarantined": 1.0}
"""Most of what these tests ingest is broken."""


def write_table(folder: Path, rows: list[dict[str, str]]) -> Path:
    """Writes a table of one's own, with all columns, and returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "corpus.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return folder / "corpus.csv"


def table_stage(path: Path, **settings: Any) -> IngestStage:
    """Returns the stage for one table."""
    return IngestStage(IngestConfig(corpus=CorpusConfig(kind="table", path=str(path)), **ACCEPTING, **settings), "1")


def run_ingest(stage: IngestStage, root: Path) -> tuple[StageSummary, dict[str, Clip]]:
    """Runs the stage and returns its summary and its clips by id."""
    workspace = Workspace(root)
    summary = run_stage(stage, workspace)
    return summary, {clip.item_id: clip for clip in read_table(workspace.table("ingest", "clips"), Clip)}


def reasons_in(root: Path) -> dict[str, str]:
    """Returns the quarantine's reasons by id."""
    return {row.item_id: row.reason for row in read_quarantine(Workspace(root))}


def listing(*corpora: dict[str, Any]) -> Listing:
    """Returns the listing of corpora."""
    return list_recordings(IngestConfig(corpora=tuple(CorpusConfig(**values) for values in corpora)), "1")


def run_corpora(
    root: Path, *corpora: dict[str, Any], **settings: Any
) -> tuple[dict[str, Clip], dict[str, str], dict[str, Any]]:
    """Runs ingest on corpora and returns clips by id, the quarantine's reasons by id, and the counts per corpus."""
    config = IngestConfig(corpora=tuple(CorpusConfig(**values) for values in corpora), **ACCEPTING, **settings)
    _, clips = run_ingest(IngestStage(config, "1"), root)
    return clips, reasons_in(root), read_json(Workspace(root).path("ingest", "sources.json"))


def row_item(**values: Any) -> Item:
    """Returns the item of a list's row that nothing is wrong with, unless `values` say so."""
    row = {
        "audio": "a.wav",
        "video": "",
        "caption": "A dog barks",
        "group": "a",
        "split": "train",
        "licence": "CC0-1.0",
    }
    return Item("a", {**row, **values})
