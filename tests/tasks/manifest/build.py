"""A workspace with all tables that the manifest reads, without audio files, and rows made without one."""

from __future__ import annotations

from pathlib import Path

from data_contracts import Augmented, Caption, Clip, ManifestRow, Mined, Paraphrase, Row, read_table, write_table
from tasks.engine import run_stage
from tasks.engine.workspace import Workspace
from tasks.manifest.config import ManifestConfig
from tasks.manifest.rows import clip_row as manifest_row
from tasks.manifest.stage import ManifestStage
from tests.tasks.rows import augmented_row, caption_row, clip_row, mined_row, paraphrase_row

LEVELS = {
    ("speed", "fast"): ["very_fast", "fast", "medium"],
    ("speed", "slow"): ["medium", "slow", "very_slow"],
    ("distance", "near"): ["far"],
    ("volume", "loud"): ["far", "crescendo", "decrescendo"],
}


def build(root: Path, *, per_side: int = 2, caption: str = "A dog barks") -> Workspace:
    """Writes clips (one plain with video, `per_side` per side without), and what later stages made of them."""
    workspace = Workspace(root)
    clips = [clip_row("with-video", subset="vta", video_path="ingest/video/with-video.mp4", split="test")]
    tables: dict[type[Row], list[Row]] = {Mined: [], Augmented: [], Caption: [], Paraphrase: []}
    for (dimension, side), levels in LEVELS.items():
        for number in range(per_side):
            known = '{"distance_m":1.5,"material":"wood","rate_hz":2.0,"speed":"fast","volume":"loud"}'
            clip = clip_row(f"{side}-{number}", group_id=f"group-{number}", caption=caption, attributes_json=known)
            clips.append(clip)
            tables[Mined].append(mined_row(clip, dimension, side))
            for level in levels:
                operation = "original" if level == side else "distance" if level == "far" else dimension
                operation = "dynamics" if level.endswith("crescendo") else operation
                row = augmented_row(clip, dimension, side, level, operation=operation)
                new = caption_row(row, f"{caption} {level}", "original" if operation == "original" else "llm")
                tables[Augmented].append(row)
                tables[Caption].append(new)
                tables[Paraphrase] += [paraphrase_row(new, n, f"{caption} {level}, version {n}") for n in (1, 2)]
    stages = {Mined: "mine", Augmented: "augment", Caption: "recaption", Paraphrase: "paraphrase"}
    write_table(workspace.table("ingest", "clips"), Clip, clips)
    for row_type, rows in tables.items():
        write_table(workspace.table(stages[row_type], row_type.TABLE), row_type, rows)
    return workspace


def run(workspace: Workspace, **settings: bool) -> list[ManifestRow]:
    """Runs the manifest stage and returns its rows."""
    run_stage(ManifestStage(ManifestConfig(**settings), "1"), workspace)
    return read_table(workspace.table("manifest", "manifest"), ManifestRow)


def rows_of(*, caption: str, licence: str, item_id: str) -> list[ManifestRow]:
    """Returns a manifest of one clip with this caption, licence and id."""
    return [manifest_row(clip_row(item_id, caption=caption, licence=licence))]
