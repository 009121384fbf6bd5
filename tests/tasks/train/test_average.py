"""Averages of another width, made from the snapshots of a finished training (SPEC T1)."""

from __future__ import annotations

import shutil

import pytest
import torch

from data_contracts import TrainingError, UsageError
from model.checkpoint import load_checkpoint
from tasks.train.average import write_average
from tasks.train.job import run_training
from tasks.train.places import checkpoint_path
from tests.tasks.train.features import SHORT


def test_t1_a_width_asked_for_afterwards_is_the_one_trained_for(workspace, tmp_path):
    run_training(SHORT, workspace)
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


def test_an_earlier_step_gives_the_average_as_of_that_step(workspace, tmp_path):
    run_training(SHORT, workspace)
    line = write_average(workspace, 0.1, tmp_path / "early.safetensors", step=2)
    assert "as of step 2" in line
    early, info = load_checkpoint(tmp_path / "early.safetensors")
    last, _ = load_checkpoint(checkpoint_path(workspace))
    assert info.step == 2
    assert any(not torch.equal(value, last.state_dict()[name]) for name, value in early.state_dict().items())
    assert torch.equal(early.latent_mean, last.latent_mean)
    with pytest.raises(TrainingError, match="no EMA snapshot for step 9"):
        write_average(workspace, 0.1, tmp_path / "late.safetensors", step=9)
    with pytest.raises(UsageError, match=r"sigma 0\.5 is outside"):
        write_average(workspace, 0.5, tmp_path / "wide.safetensors")


def test_the_runs_own_checkpoint_is_not_written_over(workspace, tmp_path):
    run_training(SHORT, workspace)
    own, link = checkpoint_path(workspace), tmp_path / "link.safetensors"
    link.symlink_to(own)
    before = own.read_bytes()
    for out in (own, link):
        with pytest.raises(UsageError, match="is the run's own checkpoint; it would be lost"):
            write_average(workspace, 0.05, out)
    assert own.read_bytes() == before


def test_an_average_of_nothing_says_so(workspace, tmp_path):
    with pytest.raises(UsageError, match="no finished training"):
        write_average(workspace, 0.1, tmp_path / "a.safetensors")
    with pytest.raises(UsageError, match=r"\.safetensors"):
        write_average(workspace, 0.1, tmp_path / "a.pt")
    run_training(SHORT, workspace)
    shutil.rmtree(workspace.path("train", "last"))
    with pytest.raises(UsageError, match="has no EMA snapshots; they were removed"):
        write_average(workspace, 0.1, tmp_path / "a.safetensors")
