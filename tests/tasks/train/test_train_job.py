"""The training stage on a small feature store: finished is found, cut is continued, changed starts anew."""

from __future__ import annotations

import pytest
import torch

from data_contracts import ContractError, TrainMetric, UsageError, read_table
from model import config as model_config
from model.checkpoint import load_checkpoint
from model.config import preset
from model.devices import choose_device
from tasks.engine.workspace import Workspace
from tasks.train.config import MaskSettings, NetworkOptions, TrainConfig
from tasks.train.job import checkpoint_path, is_finished, run_training
from tests.model.fakes import TOY, fake_store
from tests.tasks.train.features import write_features

CONFIG = TrainConfig(steps=6, batch_size=4, warmup_steps=1, log_every=2, validate_every=3, checkpoint_every=2)


@pytest.fixture(autouse=True)
def _toy_preset(monkeypatch):
    monkeypatch.setitem(model_config.PRESETS, "tiny", TOY)


@pytest.fixture
def workspace(tmp_path):
    workspace = Workspace(tmp_path / "w")
    write_features(workspace.stage("precompute"), fake_store(clip_s=1.0))
    return workspace


def test_t1_a_run_writes_checkpoint_metrics_and_a_summary(workspace):
    seen = []
    summary = run_training(CONFIG, workspace, lambda row, total: seen.append((row.step, total)))
    assert seen == [(2, 6), (4, 6), (6, 6)]
    assert (summary.steps, summary.new_steps, summary.balanced) == (6, 6, True)
    network, info = load_checkpoint(checkpoint_path(workspace))
    assert info.step == 6
    assert float(network.final_layer.conv.weight.abs().max()) > 0
    rows = read_table(workspace.table("train", "train_metrics"), TrainMetric)
    assert [row.step for row in rows] == [2, 4, 6]
    assert rows[-1].val_loss is not None
    assert "6 steps (6 now)" in summary.line()


def test_a_finished_run_is_found(workspace):
    assert not is_finished(CONFIG, workspace)
    first = run_training(CONFIG, workspace)
    assert is_finished(CONFIG, workspace)
    assert not is_finished(CONFIG.model_copy(update={"steps": 7}), workspace)
    again = run_training(CONFIG, workspace, lambda *_: pytest.fail("nothing is to be trained"))
    assert again.new_steps == 0
    assert again.checkpoint_sha256 == first.checkpoint_sha256


def test_a_cut_run_ends_with_the_same_checkpoint(workspace, tmp_path):
    other = Workspace(tmp_path / "other")
    write_features(other.stage("precompute"), fake_store(clip_s=1.0))
    whole = run_training(CONFIG, workspace)

    def cut(row, _total):
        if row.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(CONFIG, other, cut)
    continued = run_training(CONFIG, other)
    assert 0 < continued.new_steps < 6
    assert continued.checkpoint_sha256 == whole.checkpoint_sha256


def test_changed_settings_or_features_start_anew(workspace):
    first = run_training(CONFIG, workspace)
    second = run_training(CONFIG.model_copy(update={"lr": 5e-4}), workspace)
    assert second.new_steps == 6
    assert second.checkpoint_sha256 != first.checkpoint_sha256
    write_features(workspace.stage("precompute"), fake_store(clip_s=1.0, seed=5))
    assert run_training(CONFIG.model_copy(update={"lr": 5e-4}), workspace).new_steps == 6
    assert len(list(workspace.path("train", "last").iterdir())) == 1


def test_a_damaged_checkpoint_is_written_again(workspace):
    first = run_training(CONFIG, workspace)
    checkpoint_path(workspace).write_bytes(b"damaged")
    assert run_training(CONFIG, workspace).checkpoint_sha256 == first.checkpoint_sha256


def test_missing_features_wrong_presets_and_devices_say_so(workspace, tmp_path):
    with pytest.raises(ContractError, match="precompute"):
        run_training(CONFIG, Workspace(tmp_path / "empty"))
    with pytest.raises(UsageError, match="choose one of"):
        run_training(CONFIG.model_copy(update={"preset": "huge"}), workspace)
    with pytest.raises(UsageError, match="span_share"):
        CONFIG.model_copy(update={"masks": MaskSettings(span_low=0.9, span_high=0.5)}).training()
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="no usable GPU"):
            choose_device("cuda")


def test_the_papers_settings_are_a_config():
    paper = TrainConfig(
        preset="large_44k", steps=300_000, batch_size=256, lr=1e-4, warmup_steps=1000, schedule="step",
        masks=MaskSettings(span_low=0.7, span_placement="random", drop_semantics=0.0),
    ).training()  # fmt: skip
    assert paper.masks == model_config.MaskConfig()
    assert (paper.batch_size, paper.betas, paper.eps) == (256, (0.9, 0.95), 1e-6)


def test_readings_reach_the_network_and_a_variant_wins_over_them():
    options = NetworkOptions(mask_kind="hard", mask_sync="both", pool="visible", absent="zero")
    network = TrainConfig(options=options).network()
    assert (network.mask_kind, network.mask_sync, network.pool, network.absent) == ("hard", "both", "visible", "zero")
    assert TrainConfig(options=options, variant="mmaudio-s1").network().absent == "learned"
    assert TrainConfig().network() == preset("tiny")
