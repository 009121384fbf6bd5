"""The flow that trains the embedded judge `corpus-cnn`."""

from __future__ import annotations

from pathlib import Path

from prefect import flow
from prefect.logging import get_run_logger

from flows.artifacts import run_progress
from tasks.commands.train_judge.config import JudgeTrainConfig


@flow(name="train-judge")
def train_judge(out: str = "judge.safetensors", settings: JudgeTrainConfig = JudgeTrainConfig()) -> str:  # noqa: B008 (frozen)
    """Trains the embedded judge on rendered audio, measures it on other objects and writes it (SPEC E1).

    An interrupted run continues.

    Args:
        out: Path of the safetensors file to write.
        settings: The defaults made the shipped judge.
    """
    from tasks.commands.train_judge.job import run_judge_training

    with run_progress("train-judge", "steps") as on_progress:
        path = run_judge_training(settings, Path(out), on_progress)
    get_run_logger().info("judge written to %s", path)
    return str(path)
