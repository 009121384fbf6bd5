"""The training stage on a small feature store: finished is found, cut is continued, changed starts anew."""

from __future__ import annotations

import re

import pytest
import torch

from data_contracts import ContractError, TrainMetric, UsageError, read_table
from model.checkpoint import load_checkpoint
from model.devices import choose_device
from tasks.engine import StageSummary, is_stage_finished, run_stage
from tasks.engine.progress import OnProgress, silent
from tasks.engine.workspace import Workspace
from tasks.train.config import MaskSettings, TrainConfig
from tasks.train.places import checkpoint_path
from tasks.train.stage import TrainStage
from tests.model.fakes import fake_store
from tests.tasks.train.features import write_features

CONFIG = TrainConfig(steps=6, batch_size=4, warmup_steps=1, log_every=2, validate_every=3, checkpoint_every=2)


def train(config: TrainConfig, workspace: Workspace, on_progress: OnProgress = silent) -> StageSummary:
    return run_stage(TrainStage(config=config, on_progress=on_progress), workspace)


def is_finished(config: TrainConfig, workspace: Workspace) -> bool:
    return is_stage_finished(TrainStage(config=config), workspace)


def checkpoint(workspace: Workspace) -> bytes:
    return checkpoint_path(workspace).read_bytes()


def test_t1_a_run_writes_checkpoint_metrics_and_a_summary(workspace):
    seen = []
    summary = train(CONFIG, workspace, lambda step, steps, note: seen.append((step, steps, note.partition(" ")[0])))
    assert seen == sorted(seen) and {step for step, _, _ in seen} == set(range(1, 7)), "each step is shown"
    assert {(steps, note) for step, steps, note in seen if step >= 2} == {(6, "loss"), (6, "")}
    assert (summary.done, summary.new, summary.rows) == (1, 1, 3)
    network, info = load_checkpoint(checkpoint_path(workspace))
    assert info.step == 6
    assert float(network.final_layer.conv.weight.abs().max()) > 0
    rows = read_table(workspace.table("train", "train_metrics"), TrainMetric)
    assert [row.step for row in rows] == [2, 4, 6]
    assert rows[-1].val_loss is not None
    assert re.search(r"6 steps, loss [\d.]+, validation [\d.]+, [\d.]+ M parameters$", summary.line())


def test_a_finished_run_is_found(workspace):
    assert not is_finished(CONFIG, workspace)
    train(CONFIG, workspace)
    first = checkpoint(workspace)
    assert is_finished(CONFIG, workspace)
    assert not is_finished(CONFIG.model_copy(update={"steps": 7}), workspace)
    assert train(CONFIG, workspace, lambda *_: pytest.fail("nothing is to be trained")).new == 0
    assert checkpoint(workspace) == first


def test_a_cut_run_ends_with_the_same_checkpoint(workspace, tmp_path):
    other = Workspace(tmp_path / "other")
    write_features(other.stage("precompute"), fake_store(clip_s=1.0))
    train(CONFIG, workspace)

    seen = []

    def cut(step, _steps, _note):
        if step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(CONFIG, other, cut)
    assert not is_finished(CONFIG, other)
    train(CONFIG, other, lambda step, _steps, _note: seen.append(step))
    assert seen and seen[0] > 2
    assert checkpoint(other) == checkpoint(workspace)


def test_changed_settings_or_features_make_another_checkpoint(workspace):
    train(CONFIG, workspace)
    first = checkpoint(workspace)
    assert train(CONFIG.model_copy(update={"lr": 5e-4}), workspace).new == 1
    assert checkpoint(workspace) != first
    write_features(workspace.stage("precompute"), fake_store(clip_s=1.0, seed=5))
    assert train(CONFIG.model_copy(update={"lr": 5e-4}), workspace).new == 1
    assert len(list(workspace.path("train", "last").glob("*/training.json"))) == 3, (
        "what earlier trainings wrote is kept"
    )


def test_a_damaged_checkpoint_is_written_again(workspace):
    train(CONFIG, workspace)
    first = checkpoint(workspace)
    checkpoint_path(workspace).write_bytes(b"damaged")
    assert not is_finished(CONFIG, workspace)
    assert train(CONFIG, workspace, lambda *_: pytest.fail("the last state is all that is needed")).new == 1
    assert checkpoint(workspace) == first


def test_missing_features_wrong_presets_and_devices_say_so(workspace, tmp_path):
    with pytest.raises(ContractError, match="precompute"):
        train(CONFIG, Workspace(tmp_path / "empty"))
    with pytest.raises(UsageError, match="choose one of"):
        train(CONFIG.model_copy(update={"preset": "huge"}), workspace)
    with pytest.raises(UsageError, match="span_low"):
        CONFIG.model_copy(update={"masks": MaskSettings(span_low=0.9, span_high=0.5)}).training()
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="device cuda"):
            choose_device("cuda")
