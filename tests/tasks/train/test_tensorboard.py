"""What TensorBoard shows is what the table has; a continued training does not show a step twice (SPEC T1)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from data_contracts import TrainMetric
from tasks.train.job import run_training
from tasks.train.places import finished_key
from tasks.train.tensorboard import TensorBoardWriter
from tests.tasks.train.features import SHORT


def events_of(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder), size_guidance={"audio": 0})
    events.Reload()
    return events


def metric(step: int, **values: object) -> TrainMetric:
    defaults = {
        "step": step, "loss": 1.0 / step, "val_loss": None, "grad_norm": 1.0, "lr": 1e-3, "steps_per_s": 2.0,
        "samples_per_s": 8.0, "data_wait_share": 0.1, "mfu": None, "peak_memory_gib": 0.5, "loss_by_t": (0.5, 0.25),
    }  # fmt: skip
    return TrainMetric(**(defaults | values))


def test_tensorboard_has_every_value_of_the_table(workspace):
    rows = run_training(SHORT, workspace)
    events = events_of(workspace.path("train", "tensorboard", finished_key(workspace)[:16]))
    for tag, name in {
        "loss/train": "loss", "loss/validation": "val_loss", "optimiser/gradient_norm": "grad_norm",
        "optimiser/learning_rate": "lr", "speed/samples_per_s": "samples_per_s", "speed/steps_per_s": "steps_per_s",
        "speed/data_wait_share": "data_wait_share", "optimiser/skipped_steps": "skipped",
        "speed/peak_memory_gib": "peak_memory_gib",
    }.items():  # fmt: skip
        found = [(event.step, event.value) for event in events.Scalars(tag)]
        assert found == [(row.step, pytest.approx(getattr(row, name), rel=1e-5)) for row in rows], tag
    assert "speed/mfu" not in events.Tags()["scalars"]  # the peak of a CPU is not known
    assert len([tag for tag in events.Tags()["scalars"] if tag.startswith("loss_by_t/")]) == len(rows[0].loss_by_t)


def test_absent_values_have_no_curve_and_losses_by_time_one_each(tmp_path: Path) -> None:
    with TensorBoardWriter.open(tmp_path, 0) as board:
        board.add_row(metric(1))
        board.add_row(metric(2, mfu=0.4, val_loss=0.7))
    scalars = events_of(tmp_path)
    assert [(event.step, event.value) for event in scalars.Scalars("speed/mfu")] == [(2, pytest.approx(0.4))]
    assert [event.step for event in scalars.Scalars("loss/validation")] == [2]
    assert [event.value for event in scalars.Scalars("loss_by_t/1")] == [0.25, 0.25]


def test_a_continued_training_replaces_what_was_logged_after_its_state(tmp_path: Path) -> None:
    with TensorBoardWriter.open(tmp_path, 0) as board:
        for step in (1, 2, 3, 4):
            board.add_row(metric(step, loss=1.0))
    with TensorBoardWriter.open(tmp_path, 2) as board:  # killed, continued from the state after step 2
        for step in (3, 4):
            board.add_row(metric(step, loss=2.0))
    found = {event.step: event.value for event in events_of(tmp_path).Scalars("loss/train")}
    assert found == {1: 1.0, 2: 1.0, 3: 2.0, 4: 2.0}


def test_audio_is_stored_under_its_name_and_step(tmp_path: Path) -> None:
    with TensorBoardWriter.open(tmp_path, 0) as board:
        board.add_audio("item/truth", torch.zeros(800), 16_000, 5)
    (clip,) = events_of(tmp_path).Audio("item/truth")
    assert (clip.step, clip.sample_rate, clip.length_frames) == (5, 16_000, 800)
