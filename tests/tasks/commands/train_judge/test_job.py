"""The training: it learns, resumes to the same bytes, writes a judge that loads, and refuses another run's state."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data_contracts import TrainingError, UsageError
from model.judges.corpus_cnn import CorpusCNNJudge
from model.judges.corpus_cnn_file import read_judge
from tasks.commands.train_judge import job
from tasks.commands.train_judge.batches import Batches
from tasks.commands.train_judge.job import run_judge_training
from tasks.commands.train_judge.trainer import JudgeTrainer
from tests.tasks.commands.train_judge.tiny import TINY


@pytest.fixture(autouse=True)
def few_general_sounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.commands.train_judge.accuracy.GENERAL_SOUNDS", 6)


def test_a_killed_run_continues_to_the_same_bytes_and_the_judge_loads(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    whole = run_judge_training(TINY, tmp_path / "whole.safetensors", lambda *row: seen.append(row))
    assert [(step, steps) for step, steps, _ in seen] == [(2, 4), (4, 4)]
    assert all(note.startswith("classes ") and note.endswith("s/step") for _, _, note in seen)

    def kill(step: int, _steps: int, _note: str) -> None:
        if step == 4:  # the state of step 2 is on disk
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_judge_training(TINY, tmp_path / "killed.safetensors", kill)
    again = run_judge_training(TINY, tmp_path / "killed.safetensors")
    assert again.read_bytes() == whole.read_bytes()

    judge = CorpusCNNJudge.load(whole)
    assert judge.judge_audio([torch.rand(8000) - 0.5], seeds=[0])[0]["embedding"].shape == (3,)
    tensors, header = read_judge(whole)
    assert header.training["step"] == 4
    assert header.training["settings"] == TINY.model_dump(mode="json", exclude={"device"})
    assert set(header.training["accuracy"]) >= {"class", "kind", "kind of a general sound"}
    assert {value.dtype for value in tensors.values() if value.ndim > 1} == {torch.float16}


def test_steps_lower_the_loss_of_a_batch() -> None:
    trainer, batch = JudgeTrainer(TINY.model_copy(update={"steps": 60, "lr": 0.02})), Batches.draw(TINY).batch(0)
    terms = [trainer.advance(batch) for _ in range(30)]
    assert float(terms[-1]["classes"]) < 0.7 * float(terms[0]["classes"])
    assert float(terms[-1]["pitch"]) < float(terms[0]["pitch"])


def test_a_loss_that_is_not_finite_stops_with_the_step_and_what_to_do(tmp_path: Path) -> None:
    broken = TINY.model_copy(update={"pitch_weight": float("inf")})
    with pytest.raises(TrainingError, match="the loss is inf at step 0; lower lr"):
        run_judge_training(broken, tmp_path / "judge.safetensors")
    assert not (tmp_path / "judge.safetensors").exists()


def test_another_trainings_state_is_refused_and_kept(tmp_path: Path) -> None:
    JudgeTrainer(TINY).save(tmp_path / "judge.last.pt")
    before = (tmp_path / "judge.last.pt").read_bytes()
    with pytest.raises(UsageError, match="not the state of a judge's training with these sizes; choose another --out"):
        run_judge_training(TINY.model_copy(update={"width": 3}), tmp_path / "judge.safetensors")
    assert (tmp_path / "judge.last.pt").read_bytes() == before


def test_a_finished_run_trains_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = JudgeTrainer(TINY)
    trainer.step = TINY.steps
    trainer.save(tmp_path / "judge.last.pt")
    monkeypatch.setattr(job, "held_out_accuracy", lambda *_: [])
    path = run_judge_training(TINY, tmp_path / "judge.safetensors", lambda *_: pytest.fail("nothing is left to train"))
    assert read_judge(path)[1].training["accuracy"] == {}
