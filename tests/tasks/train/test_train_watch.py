"""What a training shows while it runs, what it starts from, and the averages made from it afterwards (SPEC T1)."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile as sf
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from data_contracts import MismatchError, UsageError
from model import config as model_config
from model.checkpoint import load_checkpoint
from model.codec import load_codec
from tasks.engine import is_stage_finished, run_stage
from tasks.engine.workspace import Workspace
from tasks.train.average import write_average
from tasks.train.config import TrainConfig
from tasks.train.job import checkpoint_path, run_training
from tasks.train.samples import sample_rows
from tasks.train.stage import TrainStage
from tests.model.fakes import TOY, fake_store, toy_specs
from tests.tasks.train.features import write_features

CONFIG = TrainConfig(
    steps=4, batch_size=4, warmup_steps=1, log_every=2, validate_every=2, checkpoint_every=2, ema_snapshot_every=2,
    device="cpu",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _toy_preset(monkeypatch):
    monkeypatch.setitem(model_config.PRESETS, "tiny", TOY)


@pytest.fixture
def workspace(tmp_path):
    workspace = Workspace(tmp_path / "w")
    write_features(workspace.stage("precompute"), fake_store(clip_s=1.0))
    return workspace


def test_tensorboard_has_every_value_of_the_table(workspace):
    rows = run_training(CONFIG, workspace)
    events = EventAccumulator(str(workspace.path("train", "tensorboard")))
    events.Reload()
    for tag, name in {
        "loss/train": "loss", "loss/validation": "val_loss", "optimiser/gradient_norm": "grad_norm",
        "optimiser/learning_rate": "lr", "speed/samples_per_s": "samples_per_s", "speed/steps_per_s": "steps_per_s",
        "speed/data_wait_share": "data_wait_share", "speed/peak_memory_gib": "peak_memory_gib",
    }.items():  # fmt: skip
        found = [(event.step, event.value) for event in events.Scalars(tag)]
        assert found == [(row.step, pytest.approx(getattr(row, name), rel=1e-5)) for row in rows], tag
    assert "speed/mfu" not in events.Tags()["scalars"]  # the peak of a CPU is not known
    assert len([tag for tag in events.Tags()["scalars"] if tag.startswith("loss_by_t/")]) == len(rows[0].loss_by_t)


def test_sample_sounds_lie_beside_the_truth_on_disk_and_in_tensorboard(tmp_path):
    codec = load_codec("embedded_16k")
    specs = toy_specs(channels=codec.spec.latent_dim)
    specs = type(specs)(codec=codec.spec, text=specs.text, clip=specs.clip, sync=specs.sync)
    fake = fake_store(clip_s=1.0, specs=specs, channels=codec.spec.latent_dim)
    workspace = Workspace(tmp_path / "w")
    write_features(workspace.stage("precompute"), fake, {"codec": "embedded_16k"})
    run_training(CONFIG.model_copy(update={"sample_every": 3}), workspace)
    chosen = sample_rows(fake.rows)
    assert sorted({row.video_row is not None for row in chosen}) == [False, True]
    assert {row.split for row in chosen} == {"val"}
    folder = workspace.path("train", "samples", "step-00000004")
    names = {path.name for path in folder.iterdir()}
    kinds = {row.item_id: "tta" if row.video_row is None else "vta" for row in chosen}
    assert names == {f"{item}-{end}.wav" for item, kind in kinds.items() for end in (kind, "truth")}
    truth, rate_hz = sf.read(folder / f"{chosen[0].item_id}-truth.wav")
    latent_1NF = fake.mean_RNF[chosen[0].latent_row].half().float()[None]
    assert rate_hz == codec.spec.sample_rate_hz
    assert np.abs(truth - codec.decode(latent_1NF)[0].numpy()).max() < 1e-3
    events = EventAccumulator(str(workspace.path("train", "tensorboard")), size_guidance={"audio": 0})
    events.Reload()
    assert len(events.Tags()["audio"]) == len(names)


def test_t1_training_starts_from_given_weights_and_their_statistics(workspace, tmp_path):
    run_training(CONFIG, workspace)
    start = checkpoint_path(workspace)
    other = Workspace(tmp_path / "other")
    write_features(other.stage("precompute"), fake_store(clip_s=1.0, seed=9))
    still = CONFIG.model_copy(update={"init_from": str(start), "lr": 1e-12, "steps": 1})
    run_training(still, other)
    weights = [load_checkpoint(checkpoint_path(w))[0].state_dict() for w in (workspace, other)]
    for name, value in weights[0].items():
        assert torch.allclose(value, weights[1][name], atol=1e-6), name
    with pytest.raises(UsageError, match=r"init_from: .* does not exist"):
        run_training(CONFIG.model_copy(update={"init_from": str(tmp_path / "none.safetensors")}), other)


def test_t3_weights_trained_on_another_encoder_are_no_start(workspace, tmp_path):
    run_training(CONFIG, workspace)
    specs = toy_specs()
    changed = type(specs)(
        codec=specs.codec, text=specs.text, clip=specs.clip,
        sync=type(specs.sync)(name="other", dim=6, weights_sha256="0" * 64, placeholder=True),
    )  # fmt: skip
    other = Workspace(tmp_path / "other")
    write_features(other.stage("precompute"), fake_store(clip_s=1.0, specs=changed))
    with pytest.raises(MismatchError, match="sync"):
        run_training(CONFIG.model_copy(update={"init_from": str(checkpoint_path(workspace))}), other)


def test_t1_a_width_asked_for_afterwards_is_the_one_trained_for(workspace, tmp_path):
    run_training(CONFIG, workspace)
    line = write_average(workspace, 0.1, tmp_path / "same.safetensors")
    assert "sigma 0.1 as of step 4, from 2 snapshots" in line
    (one, info), (two, other) = (
        load_checkpoint(p) for p in (checkpoint_path(workspace), tmp_path / "same.safetensors")
    )
    assert all(torch.equal(value, two.state_dict()[name]) for name, value in one.state_dict().items())
    assert (info.specs, other.training["ema_sigma_rel"]) == (other.specs, 0.1)
    write_average(workspace, 0.07, tmp_path / "new.safetensors")
    assert any(
        not torch.equal(value, load_checkpoint(tmp_path / "new.safetensors")[0].state_dict()[name])
        for name, value in one.state_dict().items()
    )


def test_an_average_of_nothing_says_so(workspace, tmp_path):
    with pytest.raises(UsageError, match="no finished training"):
        write_average(workspace, 0.1, tmp_path / "a.safetensors")
    with pytest.raises(UsageError, match=r"\.safetensors"):
        write_average(workspace, 0.1, tmp_path / "a.pt")


def test_how_a_training_is_run_is_not_part_of_what_it_is(workspace):
    run_stage(TrainStage(config=CONFIG), workspace)
    changes = {
        "micro_batch": 2,
        "keep_last": 5,
        "sample_every": 0,
        "tensorboard": False,
        "gradient_checkpointing": True,
    }
    assert is_stage_finished(TrainStage(config=CONFIG.model_copy(update=changes)), workspace)
