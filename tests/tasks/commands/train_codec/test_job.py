"""The codec's training: it learns, resumes to the same weights, and writes a codec that loads."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from data_contracts import TrainingError
from model.codec import load_codec
from model.codec.weights_file import read_codec_file
from tasks.commands.train_codec.job import codec_learning_rate, codec_sizes, run_codec_training
from tests.tasks.commands.train_codec.tiny import HOP, TINY


def test_training_publishes_a_codec_that_loads(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    path = run_codec_training(TINY, tmp_path / "codec.safetensors", lambda *row: seen.append(row))
    assert [(step, steps) for step, steps, _ in seen] == [(3, 6), (6, 6)]
    assert all(note.startswith("mel ") for _, _, note in seen)
    codec = load_codec(str(path))
    assert (codec.spec.latent_dim, codec.spec.hop, codec.spec.placeholder) == (4, HOP, True)
    training = read_codec_file(path)[1]["training"]
    assert training["step"] == 6
    assert training["settings"] == TINY.model_dump(mode="json", exclude={"device"})
    audio = torch.rand(1, 3 * HOP) - 0.5
    assert codec.decode(codec.encode(audio)[0]).shape == audio.shape


@pytest.mark.parametrize("killed_at", [3, 6])
def test_a_killed_run_continues_to_the_same_weights(tmp_path: Path, killed_at: int) -> None:
    """The report of step 3 comes before its state is saved, so the first case starts again and the second resumes."""
    whole = run_codec_training(TINY, tmp_path / "whole.safetensors")

    def kill(step: int, _steps: int, _note: str) -> None:
        if step == killed_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_codec_training(TINY, tmp_path / "killed.safetensors", kill)
    again = run_codec_training(TINY, tmp_path / "killed.safetensors")
    assert again.read_bytes() == whole.read_bytes()


def test_a_finished_run_trains_no_further(tmp_path: Path) -> None:
    path = run_codec_training(TINY, tmp_path / "codec.safetensors")
    before = path.read_bytes()
    run_codec_training(TINY, path, lambda *_: pytest.fail("nothing is left to train"))
    assert path.read_bytes() == before


def test_other_seeds_give_other_weights(tmp_path: Path) -> None:
    short = TINY.model_copy(update={"steps": 1})
    one, two = (
        run_codec_training(short.model_copy(update={"seed": seed}), tmp_path / f"{seed}.safetensors") for seed in (1, 2)
    )
    assert any(not torch.equal(value, read_codec_file(two)[0][name]) for name, value in read_codec_file(one)[0].items())


def test_training_lowers_the_mel_distance(tmp_path: Path) -> None:
    distances: list[float] = []
    config = TINY.model_copy(update={"steps": 24, "log_every": 6, "publish_every": 24, "checkpoint_every": 24})
    run_codec_training(
        config,
        tmp_path / "codec.safetensors",
        lambda _step, _steps, note: distances.append(float(note.split()[1].rstrip(","))),
    )
    assert distances[-1] < 0.9 * distances[0]


def test_the_learning_rate_rises_to_its_peak_and_falls_to_a_twentieth() -> None:
    config = TINY.model_copy(update={"steps": 1000, "warmup_steps": 100, "lr": 8e-4})
    rates = [codec_learning_rate(step, config) for step in range(1000)]
    assert all(before < after for before, after in pairwise(rates[:100]))
    assert all(before >= after for before, after in pairwise(rates[100:]))
    assert max(rates) <= config.lr
    assert codec_learning_rate(1000, config) == pytest.approx(config.lr / 20)
    assert codec_learning_rate(0, config.model_copy(update={"warmup_steps": 0})) == config.lr


def test_a_loss_that_is_not_finite_stops_with_the_step_and_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "codec.safetensors"
    with pytest.raises(TrainingError, match=r"loss is inf at step 0; lower train_codec\.lr"):
        run_codec_training(TINY.model_copy(update={"kl_weight": float("inf")}), path)
    assert not path.exists()


def test_the_networks_sizes_are_the_configs() -> None:
    sizes = codec_sizes(TINY)
    assert (sizes.encoder_dim, sizes.decoder_dim, sizes.latent_dim, sizes.hop) == (2, 16, 4, HOP)


def test_the_published_weights_are_the_average_and_not_the_last_steps(tmp_path: Path) -> None:
    """Without averaging, the published file has the network's own weights as they are in the resume file."""
    for decay, equal in ((0.0, True), (0.998, False)):
        path = run_codec_training(TINY.model_copy(update={"ema_decay": decay}), tmp_path / f"{decay}.safetensors")
        last = torch.load(path.with_suffix(".last.pt"), weights_only=True)
        published = read_codec_file(path)[0]
        same = all(torch.allclose(value, published[name], atol=1e-7) for name, value in last["network"].items())
        assert same == equal
        assert all(torch.equal(value, published[name]) for name, value in last["average"].items())


def test_a_longer_run_continues_from_a_shorter_one(tmp_path: Path) -> None:
    path = run_codec_training(TINY.model_copy(update={"steps": 3}), tmp_path / "codec.safetensors")
    seen: list[int] = []
    run_codec_training(TINY, path, lambda step, *_: seen.append(step))
    assert seen == [6]
    assert read_codec_file(path)[1]["training"]["step"] == 6


def test_a_resume_file_of_other_sizes_is_not_continued(tmp_path: Path) -> None:
    path = run_codec_training(TINY.model_copy(update={"steps": 3}), tmp_path / "codec.safetensors")
    with pytest.raises(RuntimeError, match="size mismatch"):
        run_codec_training(TINY.model_copy(update={"latent_dim": 6}), path)
