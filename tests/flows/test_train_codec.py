"""The codec's flow: the settings of the form train it, its progress is shown, and the path is returned."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prefect.logging import disable_run_logger

from flows import train_codec as module
from flows.train_codec import train_codec
from tasks.commands.train_codec import job
from tasks.commands.train_codec.config import CodecTrainConfig, MelVAESettings
from tasks.engine.progress import OnProgress


def test_the_codec_is_trained_as_the_form_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def run(config: CodecTrainConfig, out: Path, on_progress: OnProgress) -> Path:
        on_progress(1, config.optimiser.steps, "loss 2.1")
        return out

    @contextmanager
    def progress(name: str, unit: str) -> Iterator[OnProgress]:
        yield lambda done, total, note: seen.append((name, unit, done, total, note))

    monkeypatch.setattr(job, "run_codec_training", run)
    monkeypatch.setattr(module, "run_progress", progress)
    out = str(tmp_path / "codec.safetensors")
    with disable_run_logger():
        assert train_codec.fn(out, CodecTrainConfig(mel_vae=MelVAESettings(steps=7))) == out
    assert [event[:4] for event in seen] == [("train-codec", "steps", 1, 7)]


def test_the_form_shows_every_setting() -> None:
    form = train_codec.parameters
    assert set(form.properties) == {"out", "settings"}
    assert set(form.definitions["CodecTrainConfig"]["properties"]) == set(CodecTrainConfig.model_fields)
