"""The judge's flow: the settings of the form train it, its progress is shown, and the path is returned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prefect.logging import disable_run_logger

from flows import cli, run
from flows import train_judge as module
from flows.train_judge import train_judge
from tasks.commands.train_judge import job
from tasks.commands.train_judge.config import JudgeTrainConfig
from tasks.engine.progress import OnProgress


def test_the_judge_is_trained_as_the_form_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def run_judge_training(config: JudgeTrainConfig, out: Path, on_progress: OnProgress) -> Path:
        on_progress(1, config.steps, "classes 2.1")
        return out

    @contextmanager
    def progress(name: str, unit: str) -> Iterator[OnProgress]:
        yield lambda done, total, note: seen.append((name, unit, done, total, note))

    monkeypatch.setattr(job, "run_judge_training", run_judge_training)
    monkeypatch.setattr(module, "run_progress", progress)
    out = str(tmp_path / "judge.safetensors")
    with disable_run_logger():
        assert train_judge.fn(out, JudgeTrainConfig(steps=7)) == out
    assert seen == [("train-judge", "steps", 1, 7, "classes 2.1")]


def test_the_form_shows_every_setting() -> None:
    form = train_judge.parameters
    assert set(form.properties) == {"out", "settings"}
    assert set(form.definitions["JudgeTrainConfig"]["properties"]) == set(JudgeTrainConfig.model_fields)


@pytest.mark.parametrize(
    ("options", "out"), [([], "judge.safetensors"), (["--out", "mine.safetensors"], "mine.safetensors")]
)
def test_the_command_line_names_the_shipped_config_and_the_file(
    options: list[str], out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, list[str], str]] = []
    monkeypatch.setattr(run, "run_judge", lambda config, sets, out: asked.append((config.name, sets, str(out))))
    assert cli.exit_code(["run", "train-judge", "judge", "--set", "steps=3", *options]) == 0
    assert asked == [("judge.yaml", ["steps=3"], out)]
