"""The flow that trains a codec of the project's own."""

from __future__ import annotations

from pathlib import Path

from prefect import flow
from prefect.logging import get_run_logger

from flows.artifacts import run_progress
from tasks.commands.train_codec.config import CodecTrainConfig


@flow(name="train-codec")
def train_codec(out: str = "codec.safetensors", settings: CodecTrainConfig = CodecTrainConfig()) -> str:  # noqa: B008 (frozen)
    """Trains a mel-VAE or a DAC-VAE on rendered audio and writes its weights; an interrupted run continues (SPEC M2).

    Args:
        out: Path of the safetensors file to write.
        settings: The defaults made the shipped codec.
    """
    from tasks.commands.train_codec.job import run_codec_training

    with run_progress("train-codec", "steps") as on_progress:
        path = run_codec_training(settings, Path(out), on_progress)
    get_run_logger().info("codec written to %s", path)
    return str(path)
