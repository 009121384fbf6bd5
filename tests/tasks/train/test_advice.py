"""What a message of training says to do is done here, word for word, and works."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch

from data_contracts import FoleyGenExError, TrainingError, UsageError
from model import config as model_config
from model.devices import choose_device
from model.training.flops import MatmulSpeed
from model.training.loader import BatchSplit
from model.training.ranks import Ranks
from tasks.engine.settings import settings_from
from tasks.engine.workspace import Workspace
from tasks.train import cpu
from tasks.train.average import write_average
from tasks.train.config import TrainConfig
from tasks.train.job import run_training
from tasks.train.places import checkpoint_path, finished_key, states_folder
from tests.model.fakes import TOY, fake_store
from tests.tasks.train.features import SHORT, write_features

SETTING = re.compile(r"--set train\.([\w.]+=(?:\[[^\]]*\]|[^\s,;)]+))")


def advised(message: str, config: TrainConfig) -> TrainConfig:
    """Returns the settings with every `--set train.NAME=VALUE` of a message on top."""
    settings = SETTING.findall(message)
    assert settings, message
    return settings_from(TrainConfig, config.model_dump(mode="json"), settings, "advice")


def broken(config: TrainConfig, workspace: Workspace) -> str:
    with pytest.raises(FoleyGenExError) as error:
        run_training(config, workspace)
    return str(error.value)


def train(config: TrainConfig, workspace: Workspace) -> list[int]:
    seen: list[int] = []
    run_training(config, workspace, lambda step, *_: seen.append(step))
    return sorted(set(seen))


@pytest.fixture
def poisoned(monkeypatch):
    """Makes the third step's loss not finite, as a bad file would."""
    from model.training.loop import Trainer

    original = Trainer._backward

    def backward(self, step):
        pending = original(self, step)
        return replace(pending, error_sum=pending.error_sum * float("nan")) if self.step == 2 else pending

    monkeypatch.setattr(Trainer, "_backward", backward)
    return monkeypatch


def test_after_an_explosion_a_lower_rate_goes_on_from_the_state_that_is_named(workspace):
    train(SHORT.model_copy(update={"steps": 2, "trackers": ()}), workspace)
    exploding = SHORT.model_copy(update={"explosion_loss": 1e-3, "steps": 4, "trackers": ()})
    message = broken(exploding, workspace)
    assert "has exploded (limit 0.001, train.explosion_loss)" in message
    assert (state := re.search(r"state is (\S+\.pt)", message)) and state[1].endswith("state-00000002.pt")
    lower = advised(message, exploding).model_copy(update={"explosion_loss": 50.0})
    assert lower.lr == pytest.approx(SHORT.lr / 2)
    assert train(lower, workspace) == [3, 4]


def test_after_a_loss_that_is_not_finite_both_ways_out_work(workspace, poisoned):
    config = SHORT.model_copy(update={"trackers": ()})
    message = broken(config, workspace)
    assert "step 2: loss is nan" in message
    skipping = advised(message.split(", or skip")[1], config)
    assert train(skipping, workspace) == [3, 4], "it goes on from the last state and skips the step"
    other = Workspace(workspace.root.parent / "other")
    write_features(other.stage("precompute"), fake_store(clip_s=1.0))
    message = broken(config, other)
    poisoned.undo()
    poisoned.setitem(model_config.PRESETS, "tiny", TOY)
    assert train(advised(message.split(", or skip")[0], config), other) == [3, 4]


def test_where_there_is_no_state_yet_the_lower_rate_starts_at_step_0(workspace):
    exploding = SHORT.model_copy(update={"explosion_loss": 1e-3, "checkpoint_every": 100, "trackers": ()})
    message = broken(exploding, workspace)
    assert "there is no state yet" in message
    assert train(advised(message, exploding).model_copy(update={"explosion_loss": 50.0}), workspace) == [1, 2, 3, 4]


def test_a_lower_rate_does_not_go_on_from_another_training(workspace):
    train(SHORT, workspace)
    anew = {"explosion_loss": 1e-3, "continue_from": "none", "weight_decay": 0.5, "trackers": ()}
    exploding = SHORT.model_copy(update=anew)
    lower = advised(broken(exploding, workspace), exploding).model_copy(update={"explosion_loss": 50.0})
    assert train(lower, workspace) == [1, 2, 3, 4]


def test_states_of_an_earlier_release_stay_and_are_said(workspace):
    old = workspace.stage("train") / "last" / "0123456789abcdef" / "state-00000004.pt"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"a state without a description beside it")
    message = broken(SHORT, workspace)
    assert "earlier release" in message and str(old.parent) in message
    assert train(advised(message, SHORT), workspace) == [1, 2, 3, 4]
    assert old.exists()


def test_a_training_that_cannot_go_on_starts_anew_as_the_message_says(workspace):
    train(SHORT, workspace)
    other = SHORT.model_copy(update={"seed": 5})
    message = broken(other, workspace)
    assert train(advised(message, other), workspace) == [1, 2, 3, 4]


def test_a_training_too_long_for_a_processor_is_refused_and_started_when_asked_for(workspace, monkeypatch):
    monkeypatch.setattr(cpu, "LIMIT_DAYS", 0.0)
    monkeypatch.setattr(cpu, "matmul_speed", lambda *_, **__: MatmulSpeed(5e10, 5e10))
    message = broken(SHORT, workspace)
    assert re.search(r"training tiny for 4 steps of 4 rows is .* PFLOP: at least \S+ s on this processor", message)
    assert train(advised(message, SHORT), workspace) == [1, 2, 3, 4]
    monkeypatch.setattr(cpu, "LIMIT_DAYS", 7.0)
    with pytest.raises(UsageError, match=r"for 330,000 steps of 256 rows is .* PFLOP: at least [\d,]+ days"):
        monkeypatch.setattr(cpu, "_SLOWEST", 1.0)
        monkeypatch.setattr(cpu, "matmul_speed", lambda *_, **__: MatmulSpeed(1e6, 1e6))
        run_training(SHORT.model_copy(update={"steps": 330_000, "batch_size": 256, "seed": 8}), workspace)


def test_a_batch_that_cannot_be_divided_is_divided_as_advised(workspace):
    from model.training.batches import BatchPlan

    plan = BatchPlan.from_rows(fake_store().rows, 6, seed=0)
    with pytest.raises(UsageError) as error:
        plan.split(2)
    size = int(re.search(r"make it a multiple of (\d+)", str(error.value))[1])
    assert len(BatchPlan.from_rows(fake_store().rows, size, seed=0).split(2)) == 2


def test_a_micro_batch_that_does_not_divide_is_replaced_as_advised(workspace):
    config = SHORT.model_copy(update={"batch_size": 12, "micro_batch": 8, "trackers": ()})
    message = broken(config, workspace)
    changed = advised(message, config)
    assert BatchSplit.of(0, 1, 12, changed.micro_batch).micro > 1
    assert train(changed, workspace) == [1, 2, 3, 4]


def test_widths_that_are_too_few_are_replaced_as_advised(workspace):
    config = SHORT.model_copy(update={"ema_sigmas": (0.05,), "trackers": ()})
    assert train(advised(broken(config, workspace), config), workspace) == [1, 2, 3, 4]


def test_a_device_that_is_not_there_is_replaced_as_advised(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError) as error:
        choose_device("cuda:1")
    names = re.search(r"use (\w+) or (\w+)$", str(error.value)).groups()
    assert [choose_device(name).type for name in names] == ["cpu", "cpu"]


def test_one_gpu_for_several_processes_is_refused_with_the_setting_that_works(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(UsageError, match="cuda:1 is one GPU, and 4 processes train") as error:
        Ranks.start(torch.device("cuda:1"))
    assert advised(str(error.value), SHORT).device == "cuda"


def test_a_tracker_that_is_not_installed_is_left_out_as_advised(workspace, monkeypatch):
    monkeypatch.setattr("tasks.train.wandb.find_spec", lambda name: None)
    config = SHORT.model_copy(update={"trackers": ("wandb",)})
    changed = advised(broken(config, workspace), config)
    assert changed.trackers == ("tensorboard",)
    assert train(changed, workspace) == [1, 2, 3, 4]


def test_averages_without_a_training_name_the_command_that_makes_one(tmp_path):
    with pytest.raises(UsageError, match=r"`foleygenex run train CONFIG --workspace (\S+)`"):
        write_average(Workspace(tmp_path), 0.1, tmp_path / "a.safetensors")


def test_a_width_or_step_that_is_advised_can_be_made(workspace, tmp_path):
    train(SHORT, workspace)
    for sigma, step in ((0.5, None), (0.1, 99)):
        with pytest.raises((UsageError, TrainingError)) as error:
            write_average(workspace, sigma, tmp_path / "a.safetensors", step=step)
        text = str(error.value)
        if step is None:
            sigma = float(re.search(r"MMAudio uses ([\d.]+)", text)[1])
        else:
            step = int(re.search(r"snapshots are \[(\d+)", text)[1])
        write_average(workspace, sigma, tmp_path / "a.safetensors", step=step)


def test_damaged_states_of_the_training_before_are_left_behind_as_advised(workspace):
    train(SHORT, workspace)
    for path in states_folder(workspace, finished_key(workspace)).glob("state-*.pt"):
        path.write_bytes(b"damaged")
    other = SHORT.model_copy(update={"lr": 1e-3})
    assert train(advised(broken(other, workspace), other), workspace) == [1, 2, 3, 4]
    assert checkpoint_path(workspace).exists()
