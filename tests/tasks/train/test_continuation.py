"""Other settings or data: a training goes on from the one before, starts anew, or says why it cannot (SPEC T1)."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from data_contracts import TrainingError, UsageError
from model import config as model_config
from model.checkpoint import load_checkpoint, read_info
from model.training import state
from model.training.ema import snapshots
from model.training.state import read_newest, state_files
from tasks.engine import is_stage_finished, run_stage
from tasks.engine.workspace import Workspace
from tasks.train.config import MaskSettings, TrainConfig
from tasks.train.continuation import Description
from tasks.train.job import run_training
from tasks.train.places import checkpoint_path, finished_key, states_folder
from tasks.train.stage import TrainStage
from tests.model.fakes import TOY, fake_store, toy_specs
from tests.tasks.train.features import SHORT, write_features

CONSTANT = SHORT.model_copy(update={"schedule": "constant", "trackers": (), "precision": "fp32"})


def changed(**changes) -> TrainConfig:
    return CONSTANT.model_copy(update=changes)


def train(config: TrainConfig, workspace: Workspace) -> list[int]:
    """Trains; returns the steps that were made."""
    seen: list[int] = []
    run_training(config, workspace, lambda step, *_: seen.append(step))
    return sorted(set(seen))


def weights(workspace: Workspace) -> dict[str, torch.Tensor]:
    return load_checkpoint(checkpoint_path(workspace))[0].state_dict()


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def history(workspace: Workspace) -> list[dict]:
    return read_info(checkpoint_path(workspace)).history


@pytest.fixture(scope="module")
def first_training(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("trained") / "w")
    write_features(made.stage("precompute"), fake_store(clip_s=1.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(model_config.PRESETS, "tiny", TOY)
        assert train(CONSTANT, made) == [1, 2, 3, 4]
    return made


@pytest.fixture
def trained(first_training: Workspace, tmp_path: Path, toy_preset: None) -> Workspace:
    """A copy of a workspace with a finished training of four steps."""
    shutil.copytree(first_training.root, tmp_path / "w")
    return Workspace(tmp_path / "w")


def test_more_steps_give_the_weights_of_one_long_training(trained, tmp_path):
    assert train(changed(steps=6), trained) == [5, 6]
    whole = Workspace(tmp_path / "whole")
    write_features(whole.stage("precompute"), fake_store(clip_s=1.0))
    train(changed(steps=6), whole)
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(trained)[name]), name
    assert [(s["from_step"], s["settings"].get("steps")) for s in history(trained)] == [(0, 4), (4, 6)]
    assert [(s["from_step"], s["settings"]["steps"]) for s in history(whole)] == [(0, 6)]


def test_new_clips_go_on_with_the_statistics_that_the_weights_know(trained):
    before = weights(trained)
    write_features(trained.stage("precompute"), fake_store(clip_s=1.0, seed=5))
    config = changed(continue_steps=3)
    assert train(config, trained) == [5, 6, 7]
    after = weights(trained)
    assert torch.equal(after["latent_mean"], before["latent_mean"])
    assert any(not torch.equal(value, before[name]) for name, value in after.items())
    first, second = history(trained)
    assert first["data"] != second["data"] and second == {
        "from_step": 4, "data": second["data"], "settings": {}, "skipped": 0,
    }  # fmt: skip
    newest = read_newest(states_folder(trained, finished_key(trained)))
    assert newest is not None and [row["step"] for row in newest["metrics"]] == [2, 4, 6, 7], "one curve"


def test_each_night_with_new_clips_adds_its_steps(trained):
    for night in (1, 2):
        write_features(trained.stage("precompute"), fake_store(clip_s=1.0, seed=night))
        assert train(CONSTANT, trained) == [4 + night]
        assert train(CONSTANT, trained) == [], "nothing is new"
    assert [segment["from_step"] for segment in history(trained)] == [0, 4, 5]


def test_nothing_of_the_training_before_is_changed(trained):
    folder = states_folder(trained, finished_key(trained))
    kept, checkpoint = files(folder), checkpoint_path(trained).read_bytes()
    train(changed(lr=1e-3, keep_last=1, ema_keep=2, steps=8), trained)
    found = files(folder)
    assert {path: found[path] for path in kept} == kept
    assert found[folder / "checkpoint.safetensors"] == checkpoint, "it was in train/ until the new one was finished"
    assert train(CONSTANT, trained) == [], "back to the first settings, nothing is trained again"
    assert checkpoint_path(trained).read_bytes() == checkpoint


def test_the_checkpoint_stays_in_its_place_until_another_training_has_finished(trained):
    before = checkpoint_path(trained).read_bytes()

    def stop(step, *_):
        assert checkpoint_path(trained).read_bytes() == before
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(changed(lr=1e-3), trained, stop)
    assert checkpoint_path(trained).read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"lr": 1e-3}, {"batch_size": 8}, {"precision": "bf16"}, {"weight_decay": 0.1}, {"ema_sigma_rel": 0.05},
        {"masks": MaskSettings(drop_text=0.5)}, {"warmup_steps": 2}, {"schedule": "cosine"},
    ],
)  # fmt: skip
def test_other_settings_go_on_and_are_in_the_history(trained, change):
    assert train(changed(**change), trained) == [5]
    (name,) = change
    assert list(history(trained)[-1]["settings"]) == [name]


def test_the_optimiser_uses_the_new_settings_not_those_in_its_state(trained, monkeypatch):
    seen = []
    from model.training.loop import Trainer

    original = Trainer._train_step
    monkeypatch.setattr(
        Trainer, "_train_step",
        lambda self: (original(self), seen.append((self.optimizer.param_groups[0]["weight_decay"], self.config.lr))),
    )  # fmt: skip
    train(changed(weight_decay=0.25, lr=1e-3), trained)
    assert seen == [(0.25, 1e-3)]


def test_snapshots_are_taken_over_so_that_any_average_can_still_be_made(trained):
    train(changed(steps=8), trained)
    folder = states_folder(trained, finished_key(trained))
    assert sorted({step for step, _ in snapshots(folder / "ema")}) == [2, 4, 6, 8]


def test_a_continued_training_that_is_cut_ends_with_the_same_checkpoint(trained, tmp_path):
    other = Workspace(tmp_path / "other")
    write_features(other.stage("precompute"), fake_store(clip_s=1.0))
    train(CONSTANT, other)
    more = changed(steps=8, lr=1e-3)
    train(more, trained)

    def cut(step, *_):
        if step == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(more, other, cut)
    assert train(more, other) == [7, 8]
    assert checkpoint_path(other).read_bytes() == checkpoint_path(trained).read_bytes()


def test_an_unfinished_training_is_what_the_next_one_goes_on_from(workspace):
    def cut(step, *_):
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(CONSTANT, workspace, cut)
    assert train(changed(lr=1e-3), workspace) == [3, 4]
    assert [segment["from_step"] for segment in history(workspace)] == [0, 2]


def test_none_starts_at_step_0_even_after_a_training_that_went_on_with_the_same_settings(trained):
    other = changed(lr=1e-3)
    assert train(other, trained) == [5]
    anew = other.model_copy(update={"continue_from": "none"})
    assert not is_stage_finished(TrainStage(config=anew), trained)
    assert train(anew, trained) == [1, 2, 3, 4]
    assert len(history(trained)) == 1
    assert train(anew.model_copy(update={"continue_from": "last"}), trained) == [], "that one was finished before"


def test_equal_settings_are_not_trained_again_under_another_continue_from(workspace):
    train(changed(continue_from="none"), workspace)
    before = checkpoint_path(workspace).read_bytes()
    assert train(CONSTANT, workspace) == []
    assert checkpoint_path(workspace).read_bytes() == before


@pytest.mark.parametrize("what", ["folder", "state"])
def test_a_training_of_another_workspace_can_be_gone_on_from(trained, tmp_path, what):
    folder = states_folder(trained, finished_key(trained))
    start = folder if what == "folder" else state_files(folder)[0][1]
    other = Workspace(tmp_path / "other")
    write_features(other.stage("precompute"), fake_store(clip_s=1.0, seed=3))
    assert train(changed(continue_from=str(start)), other) == ([5] if what == "folder" else [3, 4])
    assert history(other)[-1]["from_step"] == (4 if what == "folder" else 2)


def test_a_path_without_a_training_is_refused(workspace, tmp_path):
    with pytest.raises(UsageError, match=r"continue_from: .* is neither the folder of a training with states"):
        train(changed(continue_from=str(tmp_path)), workspace)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"preset": "small"}, "another network: width 64 instead of 32"),
        ({"variant": "m-3"}, "another network: mask_video False instead of True"),
        ({"seed": 9}, "train.seed=9 instead of 14159265"),
        ({"ema_sigmas": (0.05, 0.2)}, r"train.ema_sigmas=\[0.05,0.2\] instead of \[0.05,0.1\]"),
        ({"steps": 3}, "train.steps=3, fewer than it has made"),
    ],
)
def test_what_cannot_go_on_is_named(trained, monkeypatch, change, reason):
    monkeypatch.setitem(model_config.PRESETS, "small", replace(TOY, width=64))
    before = files(trained.path("train"))
    with pytest.raises(UsageError, match=rf"\(4 steps\) cannot go on with {reason}; .*continue_from=none"):
        train(changed(**change), trained)
    assert files(trained.path("train")) == before


def test_other_features_are_named(trained):
    specs = toy_specs()
    other = replace(specs, sync=replace(specs.sync, weights_sha256="0" * 64))
    write_features(trained.stage("precompute"), fake_store(clip_s=1.0, specs=other))
    with pytest.raises(UsageError, match="another sync encoder: toy-sync instead of toy-sync, or other weights"):
        train(CONSTANT, trained)
    write_features(trained.stage("precompute"), fake_store(clip_s=2.0))
    with pytest.raises(UsageError, match="clips of 2 s instead of 1 s"):
        train(CONSTANT, trained)


def test_on_another_file_system_states_are_copied(trained, monkeypatch):
    def refuse(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    assert train(changed(lr=1e-3), trained) == [5]


def test_states_that_cannot_be_read_are_not_passed_over_in_silence(trained, caplog):
    first = states_folder(trained, finished_key(trained))
    before = sorted(first.parent.rglob("*"))
    for _, path in state_files(first):
        path.write_bytes(b"damaged")
    for _ in range(2):  # and again at the next run
        with pytest.raises(UsageError, match=rf"states in .*{first.name} can be read; .*continue_from=none"):
            train(changed(lr=1e-3), trained)
    assert all(path.read_bytes() == b"damaged" for _, path in state_files(first))
    assert sorted(first.parent.rglob("*")) == before, "no folder of the training that could not start is left"
    assert "step 0" not in caplog.text


def test_a_damaged_newest_state_is_passed_over_when_a_training_goes_on(trained, caplog):
    folder = states_folder(trained, finished_key(trained))
    state_files(folder)[-1][1].write_bytes(b"damaged")
    assert train(changed(lr=1e-3), trained) == [3, 4]
    assert "is not a readable training state" in caplog.text


def test_a_continued_training_whose_own_states_are_damaged_goes_on_from_its_origin_again(trained):
    other = changed(steps=6)
    train(other, trained)
    folder = states_folder(trained, finished_key(trained))
    for _, path in state_files(folder):
        path.unlink()
        state.write_atomically(path, b"damaged")  # a new file: the links' other names keep their content
        path.write_bytes(b"damaged")
    with pytest.raises(TrainingError, match=r"kept as \*.damaged, and the same command goes on from .* again"):
        train(other, trained)
    assert train(other, trained) == [5, 6]


def test_a_description_of_another_release_is_named(tmp_path):
    (tmp_path / "training.json").write_text('{"unknown": 1}')
    with pytest.raises(UsageError, match=r"training.json is of another release"):
        Description.read(tmp_path)


def test_the_stages_line_says_where_a_training_went_on(trained):
    summary = run_stage(TrainStage(config=changed(lr=1e-3)), trained)
    assert "5 steps, continued at step 4, loss" in summary.line()
