"""Weights & Biases gets the same values as TensorBoard, in one run per training; a fake package stands in for it."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest

from tasks.train import wandb as writer
from tasks.train.job import run_training
from tasks.train.places import finished_key
from tests.tasks.train.features import SHORT


class FakeRun:
    def __init__(self, **given) -> None:
        self.given, self.logged, self.finished, self.metrics = given, [], None, []

    def define_metric(self, name, step_metric):
        self.metrics.append((name, step_metric))

    def log(self, values):
        self.logged.append(values)

    def finish(self, exit_code):
        self.finished = exit_code


@pytest.fixture
def runs(monkeypatch):
    made: list[FakeRun] = []
    module = ModuleType("wandb")
    module.init = lambda **given: made.append(FakeRun(**given)) or made[-1]
    module.Audio = lambda samples, sample_rate: (np.asarray(samples).shape, sample_rate)
    monkeypatch.setitem(sys.modules, "wandb", module)
    monkeypatch.setattr(writer, "find_spec", lambda name: object())
    return made


def test_a_training_is_one_run_with_every_row_by_its_step(workspace, runs, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "sounds")
    rows = run_training(SHORT.model_copy(update={"trackers": ("wandb",)}), workspace)
    (run,) = runs
    assert run.given["id"] == finished_key(workspace)[:16] and run.given["resume"] == "allow"
    assert (run.given["project"], run.given["name"]) == ("sounds", workspace.root.name)
    assert run.given["config"]["lr"] == SHORT.lr and run.given["dir"].startswith(str(workspace.root))
    assert run.metrics == [("*", "step")]
    assert [(values["step"], values["loss/train"]) for values in run.logged] == [(row.step, row.loss) for row in rows]
    assert run.finished == 0
    assert not workspace.path("train", "tensorboard").exists()


def test_a_training_that_fails_ends_its_run_as_failed(workspace, runs):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_training(SHORT.model_copy(update={"trackers": ("wandb",)}), workspace, stop)
    assert runs[0].finished == 1


def test_samples_are_sent_as_audio(runs, tmp_path):
    import torch

    with writer.WandBWriter.open(tmp_path, run="w", key="k", settings={}) as one:
        one.add_audio("item/vta", torch.zeros(800), 16_000, 5)
    assert runs[0].logged == [{"step": 5, "item/vta": ((800,), 16_000)}]
    assert runs[0].given["project"] == "foleygenex"
