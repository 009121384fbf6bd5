"""The user's own data: real recordings and videos, one file in ten broken, from a CSV to audio and the report."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import yaml

from data_contracts import Augmented, Clip, Generated, ManifestRow, Quarantine, read_table
from tasks.config import PipelineConfig
from tasks.engine.workspace import Workspace
from tasks.pipeline import STEPS
from tasks.steps import run_step
from tests.real.table import build_table

EXPECTED_REASONS = {"empty_file", "truncated", "not_audio", "silent", "missing_file", "nan_samples", "too_short"}


@pytest.mark.realdata
@pytest.mark.tools
@pytest.mark.slow
def test_the_whole_pipeline_on_real_recordings(realdata: Path, tmp_path: Path) -> None:
    """Broken files end in quarantine with their reason; every other row reaches manifest, features and report."""
    table = build_table(realdata, tmp_path / "data", recordings=54, videos=9)
    workspace = Workspace(tmp_path / "workspace")
    config = _config(table, tmp_path, workspace)
    for step in STEPS:
        run_step(step, config, workspace)

    clips = read_table(workspace.table("ingest", "clips"), Clip)
    quarantine = read_table(workspace.table("ingest", "quarantine"), Quarantine)
    assert {row.item_id.split("~")[0] for row in clips} == {f"real-{number:03d}" for number in range(63)}
    assert {row.reason for row in quarantine} == EXPECTED_REASONS
    assert all(row.item_id.startswith("broken-") for row in quarantine)
    assert max(row.duration_s for row in clips) <= 8.0

    augmented = read_table(workspace.table("augment", "augmented"), Augmented)
    assert {row.dimension for row in augmented} >= {"speed", "distance"}
    manifest = read_table(workspace.table("manifest", "manifest"), ManifestRow)
    subsets = Counter(row.subset for row in manifest)
    assert subsets["vta"] == sum(row.subset == "vta" for row in clips)
    assert subsets["tta"] == sum(row.subset == "tta" for row in clips)
    assert subsets["aa"] == len(augmented)
    assert read_table(workspace.table("generate", "generated"), Generated)
    assert workspace.path("report", "report.html").stat().st_size > 100_000


def _config(table: Path, folder: Path, workspace: Workspace) -> PipelineConfig:
    """Returns a config with a training of six steps: it only has to run here."""
    values = {
        "workspace": str(workspace.root),
        "ingest": {"corpus": {"kind": "table", "path": str(table)}, "test_share": 0.25},
        "llm": {"backend": "rules"},
        "train": {"steps": 6, "log_every": 2, "checkpoint_every": 3},
        "evaluate": {"clips": 2, "adverb_pairs": 1, "steps": 3},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(values))
    return PipelineConfig.load(path)
