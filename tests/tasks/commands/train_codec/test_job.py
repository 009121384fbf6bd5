"""The codec's training: both kinds learn, resume to the same weights, and write a codec that loads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data_contracts import TrainingError, UsageError
from model.codec import load_codec
from model.codec.weights_file import read_codec_file
from tasks.commands.train_codec.config import CodecTrainConfig
from tasks.commands.train_codec.job import run_codec_training
from tests.tasks.commands.train_codec.tiny import DAC, HOP, MEL, with_settings

BOTH = pytest.mark.parametrize("config", [MEL, DAC], ids=["mel-vae", "dac-vae"])


@BOTH
def test_training_publishes_a_codec_that_loads(tmp_path: Path, config: CodecTrainConfig) -> None:
    seen: list[tuple[int, int, str]] = []
    path = run_codec_training(config, tmp_path / "codec.safetensors", lambda *row: seen.append(row))
    assert [(step, steps) for step, steps, _ in seen] == [(3, 6), (6, 6)]
    first = "level" if config is MEL else "mel"
    assert all(note.startswith(f"{first} ") and note.endswith("s/step") for _, _, note in seen)
    codec = load_codec(str(path))
    assert (codec.spec.latent_dim, codec.spec.hop, codec.spec.placeholder) == (4, HOP, True)
    _, header, _ = read_codec_file(path)
    assert header["kind"] == config.kind
    assert header["training"] == {"step": 6, "settings": config.model_dump(mode="json", exclude={"device"})}
    audio = torch.rand(1, 3 * HOP) - 0.5
    assert codec.decode(codec.encode(audio)[0]).shape == audio.shape


@BOTH
def test_a_killed_run_continues_to_the_same_weights(tmp_path: Path, config: CodecTrainConfig) -> None:
    whole = run_codec_training(config, tmp_path / "whole.safetensors")

    def kill(step: int, _steps: int, _note: str) -> None:
        if step == 6:  # the state of step 3 is on disk
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_codec_training(config, tmp_path / "killed.safetensors", kill)
    seen: list[int] = []
    again = run_codec_training(config, tmp_path / "killed.safetensors", lambda step, *_: seen.append(step))
    assert seen == [6]
    assert again.read_bytes() == whole.read_bytes()


def test_a_finished_run_trains_no_further(tmp_path: Path) -> None:
    path = run_codec_training(MEL, tmp_path / "codec.safetensors")
    before = path.read_bytes()
    run_codec_training(MEL, path, lambda *_: pytest.fail("nothing is left to train"))
    assert path.read_bytes() == before


def test_other_seeds_give_other_weights(tmp_path: Path) -> None:
    short = with_settings(MEL, steps=1)
    one, two = (
        read_codec_file(run_codec_training(short.model_copy(update={"seed": seed}), tmp_path / f"{seed}.safetensors"))[
            0
        ]
        for seed in (1, 2)
    )
    assert any(not torch.equal(value, two[name]) for name, value in one.items())


@BOTH
def test_a_loss_that_is_not_finite_stops_with_the_step_and_what_to_do(tmp_path: Path, config: CodecTrainConfig) -> None:
    path = tmp_path / "codec.safetensors"
    with pytest.raises(TrainingError, match="loss is inf at step 0; lower the kind's lr"):
        run_codec_training(with_settings(config, kl_weight=float("inf")), path)
    assert not path.exists()


def test_the_published_weights_are_the_average_in_16_bits(tmp_path: Path) -> None:
    path = run_codec_training(MEL, tmp_path / "codec.safetensors")
    last = torch.load(path.with_suffix(".last.pt"), weights_only=True)
    published = read_codec_file(path)[0]
    for name, value in last["average"].items():
        assert published[name].dtype == (torch.float16 if value.ndim > 2 else torch.float32)
        assert torch.equal(published[name], value.to(published[name].dtype))
    weights = last["modules"]["network"]
    assert any(not torch.allclose(value, weights[name], atol=1e-7) for name, value in last["average"].items())


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (with_settings(MEL, latent_dim=6), "a training with other sizes; choose another --out"),
        (DAC, "the state of a mel-vae training, the settings ask for dac-vae"),
    ],
    ids=["sizes", "kind"],
)
def test_another_trainings_state_is_refused_and_kept(tmp_path: Path, other: CodecTrainConfig, message: str) -> None:
    path = run_codec_training(with_settings(MEL, steps=3), tmp_path / "codec.safetensors")
    before = path.read_bytes(), path.with_suffix(".last.pt").read_bytes()
    with pytest.raises(UsageError, match=message):
        run_codec_training(other, path)
    assert (path.read_bytes(), path.with_suffix(".last.pt").read_bytes()) == before
