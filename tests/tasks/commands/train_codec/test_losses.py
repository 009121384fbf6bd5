"""The codec's losses: zero for equal audio, growing with errors, and the KL's closed form."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from tasks.commands.train_codec.losses import codec_losses, mel, snr_db, spectral_distances

RATE = 16_000


def noise(*shape: int, scale: float = 0.1, seed: int = 0) -> torch.Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_equal_audio_and_a_standard_normal_posterior_cost_nothing() -> None:
    real, zeros = noise(2, 8000), torch.zeros(2, 4, 10)
    losses = codec_losses(real, real, zeros, zeros, RATE)
    assert (float(losses.mel), float(losses.spectral), float(losses.kl)) == (0, 0, 0)


def test_distances_grow_with_noise_and_are_symmetric() -> None:
    real = noise(2, 8000)
    distances = [spectral_distances(real, real + noise(2, 8000, scale=s, seed=1), RATE) for s in (0.01, 0.03, 0.1)]
    for before, after in pairwise(distances):
        assert before[0] < after[0] and before[1] < after[1]
    swapped = spectral_distances(real + noise(2, 8000, scale=0.1, seed=1), real, RATE)
    assert float(swapped[0]) == pytest.approx(float(distances[-1][0]), rel=1e-5)
    assert float(swapped[1]) == pytest.approx(float(distances[-1][1]), rel=1e-5)


def test_the_relative_distance_is_at_most_one_however_wrong_the_level() -> None:
    real = noise(1, 8000)
    for factor in (0.0, 1e-3, 100.0):
        assert 0 < float(spectral_distances(real, factor * real, RATE)[1]) <= 1


def test_kl_is_that_of_the_closed_form() -> None:
    mean, logvar = noise(2, 3, 5, scale=1.0), noise(2, 3, 5, scale=0.5, seed=2)
    posterior = torch.distributions.Normal(mean, (0.5 * logvar).exp())
    expected = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
    audio = noise(2, 4000)
    assert float(codec_losses(audio, audio, mean, logvar, RATE).kl) == pytest.approx(float(expected), rel=1e-4)


def test_snr_of_a_tenth_of_noise_is_20_db_and_of_silence_finite() -> None:
    real = noise(1, 80_000, scale=1.0)
    assert float(snr_db(real, real + noise(1, 80_000, scale=0.1, seed=1))) == pytest.approx(20, abs=0.3)
    silence = torch.zeros(2, 1000)
    assert torch.equal(snr_db(silence, silence), torch.zeros(2))


def test_mel_magnitudes_scale_with_the_audio_and_peak_at_its_frequency() -> None:
    time_T = torch.arange(8000) / RATE
    tone = torch.sin(2 * torch.pi * 1000 * time_T)[None]
    low, high = mel(tone, 1024, 80, RATE), mel(3 * tone, 1024, 80, RATE)
    assert torch.allclose(high, 3 * low, rtol=1e-3, atol=1e-6)
    double = mel(torch.sin(2 * torch.pi * 3000 * time_T)[None], 1024, 80, RATE)
    assert int(low.mean(-1).argmax()) < int(double.mean(-1).argmax())


def test_silence_and_loud_audio_have_finite_gradients() -> None:
    for real in (torch.zeros(1, 4000), noise(1, 4000, scale=1.0)):
        made = torch.zeros(1, 4000, requires_grad=True)
        moments = torch.zeros(1, 4, 5)
        losses = codec_losses(real, made, moments, moments, RATE)
        (losses.mel + losses.spectral - losses.snr_db).backward()
        assert bool(made.grad.isfinite().all())


@pytest.mark.parametrize("seed", range(3))
def test_a_batch_costs_the_mean_of_its_rows(seed: int) -> None:
    real, made = noise(3, 6000, seed=seed), noise(3, 6000, seed=seed + 10)
    together = spectral_distances(real, made, RATE)
    alone = [spectral_distances(real[row, None], made[row, None], RATE) for row in range(3)]
    for index in range(2):
        assert float(together[index]) == pytest.approx(sum(float(one[index]) for one in alone) / 3, rel=1e-4)


def test_a_missing_strike_costs_more_than_a_quieter_one() -> None:
    """What the relative distance is for: silence must not be a good answer to sparse audio."""
    strike = torch.zeros(1, 8000)
    strike[:, 4000:4400] = noise(1, 400, scale=0.5)
    missing, quieter, same = (float(spectral_distances(strike, f * strike, RATE)[1]) for f in (0.0, 0.7, 1.0))
    assert missing > quieter > same == 0
