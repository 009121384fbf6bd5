"""One training: what it starts from, and which settings it depends on (SPEC T1-T4)."""

from __future__ import annotations

import pytest
import torch

from data_contracts import MismatchError, TrainMetric, UsageError
from model.checkpoint import load_checkpoint
from model.features import FeatureStore
from model.training import Trainer
from tasks.engine import is_stage_finished, run_stage
from tasks.engine.workspace import Workspace
from tasks.train.job import progress_note, run_training, training_key
from tasks.train.places import checkpoint_path, finished_key, states_folder
from tasks.train.stage import TrainStage
from tests.model.fakes import fake_store, toy_specs
from tests.tasks.train.features import SHORT, write_features


def test_t1_training_starts_from_given_weights_and_their_statistics(workspace, tmp_path):
    run_training(SHORT, workspace)
    start = checkpoint_path(workspace)
    other = Workspace(tmp_path / "other")
    write_features(other.stage("precompute"), fake_store(clip_s=1.0, seed=9))
    still = SHORT.model_copy(update={"init_from": str(start), "lr": 1e-12, "steps": 1})
    run_training(still, other)
    weights = [load_checkpoint(checkpoint_path(w))[0].state_dict() for w in (workspace, other)]
    for name, value in weights[0].items():
        assert torch.allclose(value, weights[1][name], atol=1e-6), name
    with pytest.raises(UsageError, match=r"init_from: .* does not exist"):
        run_training(SHORT.model_copy(update={"init_from": str(tmp_path / "none.safetensors")}), other)


def test_t3_weights_trained_on_another_encoder_are_no_start(workspace, tmp_path):
    run_training(SHORT, workspace)
    specs = toy_specs()
    changed = type(specs)(
        codec=specs.codec, text=specs.text, clip=specs.clip,
        sync=type(specs.sync)(name="other", dim=6, weights_sha256="0" * 64, placeholder=True),
    )  # fmt: skip
    other = Workspace(tmp_path / "other")
    write_features(other.stage("precompute"), fake_store(clip_s=1.0, specs=changed))
    with pytest.raises(MismatchError, match="sync"):
        run_training(SHORT.model_copy(update={"init_from": str(checkpoint_path(workspace))}), other)


def test_how_a_training_is_run_is_not_part_of_what_it_is(workspace):
    run_stage(TrainStage(config=SHORT), workspace)
    changes = {
        "micro_batch": 2,
        "keep_last": 5,
        "sample_every": 0,
        "trackers": (),
        "gradient_checkpointing": True,
    }
    assert is_stage_finished(TrainStage(config=SHORT.model_copy(update=changes)), workspace)


@pytest.mark.parametrize(
    "change",
    [{"lr": 1e-4}, {"steps": 5}, {"seed": 1}, {"variant": "m-3"}, {"precision": "bf16"}, {"ema_sigma_rel": 0.05}],
)
def test_what_changes_the_weights_changes_the_key(workspace, change):
    store = FeatureStore.open(workspace.path("precompute"))
    key = training_key(SHORT, store, workspace)
    assert training_key(SHORT, store, workspace) == key
    assert training_key(SHORT.model_copy(update=change), store, workspace) != key


def test_features_in_16_bits_train_bit_for_bit_like_float32(workspace, tmp_path):
    store = FeatureStore.open(workspace.path("precompute"))
    weights = []
    for name, source in (("wide", store), ("narrow", store.in_16_bits())):
        trainer = Trainer(SHORT.network(), SHORT.training(), source, tmp_path / name)
        list(trainer.run())
        weights.append(trainer.averaged_weights())
    assert all(torch.equal(value, weights[1][name]) for name, value in weights[0].items())


@pytest.mark.parametrize("native", [True, False])
def test_the_checkpoint_names_the_precision_that_was_used_and_the_key_the_one_asked_for(workspace, monkeypatch, native):
    """A workspace that moves to another kind of processor is not a changed one."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": native})
    automatic = SHORT.model_copy(update={"precision": "auto", "steps": 2})
    store = FeatureStore.open(workspace.path("precompute"))
    key = training_key(automatic, store, workspace)
    run_training(automatic, workspace)
    used = load_checkpoint(checkpoint_path(workspace))[1].training["precision"]
    assert used == ("bf16" if native else "fp32")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": not native})
    assert training_key(automatic, store, workspace) == key


def test_other_features_and_other_start_weights_change_the_key(workspace, tmp_path):
    store = FeatureStore.open(workspace.path("precompute"))
    keys = {training_key(SHORT, store, workspace)}
    write_features(tmp_path / "other", fake_store(clip_s=1.0, seed=3))
    keys.add(training_key(SHORT, FeatureStore.open(tmp_path / "other"), workspace))
    start = tmp_path / "start.safetensors"
    for content in (b"one", b"two"):
        start.write_bytes(content)
        keys.add(training_key(SHORT.model_copy(update={"init_from": str(start)}), store, workspace))
    assert len(keys) == 4


def test_a_training_from_step_0_keeps_what_the_first_one_wrote(workspace):
    run_training(SHORT, workspace)
    first = states_folder(workspace, finished_key(workspace))
    states = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    weights = checkpoint_path(workspace).read_bytes()
    assert any(path.name.startswith("state-") for path in states)
    seen: list[int] = []
    anew = SHORT.model_copy(update={"seed": 2, "continue_from": "none"})
    run_training(anew, workspace, lambda step, *_: seen.append(step))
    assert sorted(set(seen)) == [1, 2, 3, 4], "from the first step on"
    assert {path: path.read_bytes() for path in states} == states
    assert (first / "checkpoint.safetensors").read_bytes() == weights
    assert checkpoint_path(workspace).read_bytes() != weights


def test_back_to_the_first_settings_nothing_is_trained_again(workspace):
    run_training(SHORT, workspace)
    weights = load_checkpoint(checkpoint_path(workspace))[0].state_dict()
    run_training(SHORT.model_copy(update={"seed": 2, "continue_from": "none"}), workspace)
    seen: list[int] = []
    run_training(SHORT, workspace, lambda step, *_: seen.append(step))
    assert seen == []
    again = load_checkpoint(checkpoint_path(workspace))[0].state_dict()
    assert all(torch.equal(value, again[name]) for name, value in weights.items())


def test_an_empty_workspace_has_no_finished_training(tmp_path):
    with pytest.raises(UsageError, match=r"has no finished training; `foleygenex run train CONFIG --work.*` makes one"):
        finished_key(Workspace(tmp_path))


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ({}, "loss 2.1000, 8.0 samples/s"),
        ({"val_loss": 2.2}, "loss 2.1000, validation 2.2000, 8.0 samples/s"),
        ({"mfu": 0.312}, "loss 2.1000, 8.0 samples/s, MFU 31.2 %"),
    ],
)
def test_a_progress_note_has_what_is_known(values, note):
    defaults = {
        "step": 1, "loss": 2.1, "val_loss": None, "grad_norm": 1.0, "lr": 1e-3, "steps_per_s": 2.0,
        "samples_per_s": 8.0, "data_wait_share": 0.1, "mfu": None, "peak_memory_gib": 0.5, "loss_by_t": (),
    }  # fmt: skip
    assert progress_note(TrainMetric(**(defaults | values))) == note
