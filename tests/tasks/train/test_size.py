"""The plan's line on training is what a training leaves on disk (SPEC T1)."""

from __future__ import annotations

import re

import pytest

from tasks.engine.workspace import Workspace
from tasks.precompute.config import PrecomputeConfig
from tasks.train.config import TrainConfig
from tasks.train.job import run_training
from tasks.train.size import training_line
from tests.model.fakes import TOY, fake_store
from tests.tasks.train.features import write_features

PAPER = PrecomputeConfig(
    codec="mmaudio-44k", text_encoder="clip-dfn5b", image_encoder="clip-dfn5b", sync_encoder="synchformer"
)


def test_the_papers_training_is_as_large_and_as_long_as_it_says():
    """1.04 G parameters; 330,000 steps of 256 samples at about 1.5 TFLOP each (facts of MMAudio: 1.58, ours saves)."""
    config = TrainConfig(preset="large_44k", steps=330_000, batch_size=256, ema_snapshot_every=5_000)
    line = training_line(config, PAPER)
    assert "1,038.5 M parameters; 33 snapshots of 2 averages 274 GB, 2 states 41.5 GB" in line
    days = float(re.search(r"about ([\d.,]+) GPU-days \(A100", line)[1].replace(",", ""))
    assert 110e18 < days * 86400 * 0.4 * 312e12 < 135e18


def test_an_unknown_codec_is_not_guessed():
    assert "size unknown" in training_line(TrainConfig(), PAPER.model_copy(update={"codec": "none.safetensors"}))


def test_the_files_are_of_that_size(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("model.config", fromlist=["PRESETS"]).PRESETS, "tiny", TOY)
    fake = fake_store(clip_s=1.0)
    monkeypatch.setattr("tasks.train.size.planned_specs", lambda _: fake.specs)
    workspace = Workspace(tmp_path / "w")
    write_features(workspace.stage("precompute"), fake)
    config = TrainConfig(
        steps=6, batch_size=4, log_every=6, checkpoint_every=2, ema_snapshot_every=2, ema_keep=3, trackers=()
    )
    run_training(config, workspace)
    parameters = float(re.search(r"([\d.]+) M parameters", training_line(config, PAPER))[1]) * 1e6
    snapshots = list(workspace.path("train").rglob("[01].*.pt"))
    states = list(workspace.path("train").rglob("state-*.pt"))
    assert (len(snapshots), len(states)) == (2 * 3, 2)
    overhead = 200_000  # names and zip headers of each file
    assert sum(p.stat().st_size for p in snapshots) == pytest.approx(24 * parameters, abs=6 * overhead)
    assert sum(p.stat().st_size for p in states) == pytest.approx(2 * 20 * parameters, abs=2 * overhead)
