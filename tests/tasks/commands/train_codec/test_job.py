"""The codec's training: it learns, it resumes to the same weights, its data repeats and its losses obey laws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from data_contracts import TrainingError
from model.codec import DACVAE, DACVAEConfig, load_codec
from model.codec.weights_file import read_weights
from tasks.commands.train_codec.config import CodecTrainConfig
from tasks.commands.train_codec.data import Segments
from tasks.commands.train_codec.general_sounds import general_sound
from tasks.commands.train_codec.job import CodecProgress, run_codec_training
from tasks.commands.train_codec.losses import codec_losses, mel_distance, snr_db
from tasks.commands.train_codec.start import scale_by_data

TINY = CodecTrainConfig(
    encoder_dim=2, decoder_dim=16, latent_dim=4, steps=6, batch_size=2, segment_frames=8, warmup_steps=2,
    corpus_scenes=4, checkpoint_every=3, publish_every=3, log_every=3,
)  # fmt: skip


def test_training_publishes_a_codec_that_loads(tmp_path: Path) -> None:
    seen: list[CodecProgress] = []
    path = run_codec_training(TINY, tmp_path / "codec.safetensors", seen.append)
    assert [progress.step for progress in seen] == [3, 6]
    codec = load_codec(str(path))
    assert codec.spec.latent_dim == 4 and codec.spec.placeholder
    assert read_weights(path)[1]["training"]["step"] == 6


def test_a_killed_run_continues_to_the_same_weights(tmp_path: Path) -> None:
    whole = run_codec_training(TINY, tmp_path / "whole.safetensors")

    def kill(progress: CodecProgress) -> None:
        if progress.step == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_codec_training(TINY, tmp_path / "killed.safetensors", kill)
    again = run_codec_training(TINY, tmp_path / "killed.safetensors")
    assert again.read_bytes() == whole.read_bytes()


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    seen: list[CodecProgress] = []
    config = TINY.model_copy(update={"steps": 24, "log_every": 6, "publish_every": 24, "checkpoint_every": 24})
    run_codec_training(config, tmp_path / "codec.safetensors", seen.append)
    assert seen[-1].mel < 0.9 * seen[0].mel


def test_a_fresh_codec_uses_its_latent_and_its_output_range() -> None:
    """Default weights shrink the signal to nothing; scaled by data, the latent is far above its own noise."""
    torch.manual_seed(0)
    network = DACVAE(DACVAEConfig(encoder_dim=2, decoder_dim=16, latent_dim=4))
    audio = Segments.render(TINY, 640).batch(0)
    scale_by_data(network, audio)
    mean, logvar = network.moments(audio)
    assert 0.5 < float(mean.std()) < 2.0
    assert float(logvar.mean()) < -3.0
    assert 1e-5 < float(network.synthesise(mean).std()) < 0.1  # starts quiet: too loud would drown every gradient


def test_a_loss_that_is_not_finite_stops_with_the_step(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="step"):
        run_codec_training(TINY.model_copy(update={"kl_weight": float("inf")}), tmp_path / "codec.safetensors")


def test_batches_depend_on_seed_and_step_only() -> None:
    segments = Segments.render(TINY, 640)
    batch = segments.batch(5)
    assert batch.shape == (2, 8 * 640) and batch.abs().max() <= 1.0
    assert torch.equal(batch, Segments.render(TINY, 640).batch(5))
    assert not torch.equal(batch, segments.batch(6))


def test_general_sounds_are_finite_bounded_and_varied() -> None:
    rng = np.random.default_rng(0)
    sounds = [general_sound(8000, rng) for _ in range(60)]
    assert all(np.isfinite(sound_T).all() and np.abs(sound_T).max() <= 1 for sound_T in sounds)
    peaks_db = [20 * np.log10(np.abs(sound_T).max() + 1e-9) for sound_T in sounds]
    assert np.percentile(peaks_db, 90) > -12 and np.percentile(peaks_db, 15) < -20


def test_losses_are_zero_for_equal_sounds_and_grow_with_noise() -> None:
    real = torch.randn(2, 8000) * 0.1
    moments = torch.zeros(2, 4, 10), torch.zeros(2, 4, 10)
    equal = codec_losses(real, real, *moments, 16_000)
    assert float(equal.mel) == 0 and float(equal.kl) == 0
    little, much = (mel_distance(real, real + scale * torch.randn(2, 8000), 16_000) for scale in (0.01, 0.1))
    assert 0 < little < much


def test_snr_of_a_tenth_of_noise_is_20_db() -> None:
    real = torch.randn(1, 80_000)
    assert float(snr_db(real, real + 0.1 * torch.randn(1, 80_000))) == pytest.approx(20, abs=0.3)
