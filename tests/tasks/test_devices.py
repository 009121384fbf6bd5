"""Every stage and command that computes with torch takes the GPU that is there, or the device that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from model.variants import VARIANTS
from tasks.commands.generate import session
from tasks.engine.workspace import Workspace
from tasks.evaluate import asked_judges, batch_generator, judging, scorer
from tasks.evaluate.checkpoints import Weights
from tasks.evaluate.config import EvaluateConfig
from tasks.precompute import encoders
from tasks.precompute.config import PrecomputeConfig
from tasks.train import job
from tasks.train.config import TrainConfig
from tests.model.fakes import fake_store
from tests.tasks.train.features import write_features

WEIGHTS = Weights(name="trained", path=Path("checkpoint.safetensors"), sha256="c" * 64)


class Seen(Exception):
    """Raised where a device arrives; `args[0]` is the device."""


def arrived(*values: Any, device: torch.device | None = None) -> None:
    raise Seen(device if device is not None else values[-1])


def generate_stage(device: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(batch_generator, "open_store", lambda _: None)
    patch.setattr(batch_generator.Generator, "load", arrived)
    batch_generator.BatchGenerator.open(EvaluateConfig(device=device), Workspace(folder), VARIANTS["full"], WEIGHTS)


def codec_of_the_generate_stage(device: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    generator = SimpleNamespace(info=None, specs=SimpleNamespace(require_same=lambda *_: None))
    patch.setattr(batch_generator, "dataclasses", SimpleNamespace(replace=lambda made, **_: made))
    patch.setattr(batch_generator, "open_store", lambda _: SimpleNamespace(rows=[], specs=None))
    patch.setattr(batch_generator.Generator, "load", lambda *_, device: generator)
    patch.setattr(batch_generator, "featured_rows", lambda *_: [])
    patch.setattr(batch_generator, "codec_of", arrived)
    batch_generator.BatchGenerator.open(EvaluateConfig(device=device), Workspace(folder), VARIANTS["full"], WEIGHTS)


def score_stage(device: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(scorer, "open_store", lambda _: None)
    patch.setattr(scorer, "featured_rows", lambda *_: [])
    patch.setattr(scorer, "codec_of", arrived)
    scorer.Scorer.open(EvaluateConfig(device=device), Workspace(folder))


def judge_stage(device: str, _folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(asked_judges, "loaded", lambda _name, device: arrived(torch.device(device)))
    asked_judges.load_judges(EvaluateConfig(device=device, judges=("corpus-cnn",)))


def judge_of_the_judge_stage(device: str, _folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(judging, "load_judge", lambda _name, device: arrived(torch.device(device)))
    asked_judges.loaded.cache_clear()
    asked_judges.load_judges(EvaluateConfig(device=device, judges=("corpus-cnn",)))


def generate_and_app(device: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(session.Generator, "load", arrived)
    session.InferenceSession.open(folder / "c.safetensors", device=device)


def precompute_stage(device: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(encoders, "load_codec", lambda _: SimpleNamespace(to=arrived))
    encoders.load_encoders(PrecomputeConfig(device=device, codec="mmaudio-44k"))


def train_stage(device: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    write_features(Workspace(folder).stage("precompute"), fake_store(clip_s=1.0))
    patch.setattr(job.Ranks, "start", arrived)
    job.run_training(TrainConfig(device=device), Workspace(folder))


PLACES: list[Callable[[str, Path, pytest.MonkeyPatch], None]] = [
    generate_stage, codec_of_the_generate_stage, score_stage, generate_and_app, precompute_stage, train_stage,
    judge_stage, judge_of_the_judge_stage,
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("asked", "found"), [("auto", "cuda"), ("cpu", "cpu"), ("cuda:1", "cuda:1")])
def test_a_machine_with_two_gpus(tmp_path, monkeypatch, place, asked, found):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(Seen) as seen:
        place(asked, tmp_path, monkeypatch)
    assert seen.value.args[0] == torch.device(found)


@pytest.mark.parametrize("config", [EvaluateConfig, PrecomputeConfig, TrainConfig])
def test_a_device_that_is_none_is_refused_with_the_config(config):
    for wrong in ("gpu", "cuda:x", "mps"):
        with pytest.raises(ValidationError, match="device"):
            config(device=wrong)
