"""Log-mel levels: what they are of known audio, alignment, limits, and the way back to magnitudes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model.codec.log_mel import CEILING, FLOOR, LogMel, interpolation, mel_bank

RATE, WINDOW, HOP, BANDS = 16_000, 512, 160, 128


@pytest.fixture(scope="module")
def log_mel() -> LogMel:
    return LogMel(RATE, WINDOW, HOP, BANDS)


def sine(hz: float, samples: int = 16_000) -> torch.Tensor:
    return torch.sin(2 * torch.pi * hz * torch.arange(samples) / RATE)[None]


@pytest.mark.parametrize("bands", [16, 64, 128])
def test_every_band_averages_and_no_band_is_empty(bands: int) -> None:
    bank = mel_bank(RATE, WINDOW, bands)
    assert bank.shape == (bands, 257) and bool((bank >= 0).all())
    assert torch.allclose(bank.sum(1), torch.ones(bands), atol=1e-5)
    centres = bank @ torch.arange(257.0)
    assert bool((centres.diff() >= 0).all())


def test_interpolation_is_that_of_numpy_between_the_centres() -> None:
    bank = mel_bank(RATE, WINDOW, 32)
    values = torch.randn(32, generator=torch.Generator().manual_seed(0))
    expected = np.interp(np.arange(257), (bank @ torch.arange(257.0)).numpy(), values.numpy())
    assert np.allclose((interpolation(bank) @ values).numpy(), expected, atol=1e-4)
    assert torch.allclose(interpolation(bank).sum(1), torch.ones(257), atol=1e-6)


def test_levels_equal_a_plain_loop_over_frames(log_mel: LogMel) -> None:
    audio = 0.1 * torch.randn(1, 1600, generator=torch.Generator().manual_seed(0))
    padded = np.pad(audio[0].double().numpy(), 256)
    hann, bank = torch.hann_window(WINDOW).double().numpy(), log_mel.bank.double().numpy()
    for frame in range(10):
        spectrum = np.fft.rfft(padded[frame * HOP : frame * HOP + WINDOW] * hann) * 2 / WINDOW
        expected = 0.5 * np.log10(bank @ np.abs(spectrum) ** 2 + FLOOR**2)
        assert np.allclose(log_mel(audio)[0, frame].numpy(), expected, atol=1e-4)


def test_silence_is_at_the_floor_and_ten_times_louder_is_one_decade(log_mel: LogMel) -> None:
    assert torch.allclose(log_mel(torch.zeros(1, 1600)), torch.full((1, 10, BANDS), -5.0))
    quiet, loud = log_mel(0.01 * sine(1000)), log_mel(0.1 * sine(1000))
    audible = quiet > -3.5
    assert torch.allclose((loud - quiet)[audible], torch.ones(int(audible.sum())), atol=1e-2)
    assert -0.6 < float(log_mel(sine(1000)).max()) < -0.2


def test_a_click_is_in_the_frames_around_it(log_mel: LogMel) -> None:
    audio = torch.zeros(1, 16_000)
    audio[0, 50 * HOP] = 1.0
    assert int(log_mel(audio)[0].mean(-1).argmax()) == 50


def test_magnitudes_are_limited_and_the_floor_is_silence(log_mel: LogMel) -> None:
    floor = log_mel.magnitudes(torch.full((1, 3, BANDS), -7.0))
    assert floor.shape == (1, 257, 3) and float(floor.abs().max()) < 1e-4
    loudest = log_mel.magnitudes(torch.full((1, 3, BANDS), 40.0))
    assert torch.allclose(loudest, torch.full_like(loudest, CEILING * WINDOW / 2), rtol=1e-4)


def test_magnitudes_give_the_same_levels_again(log_mel: LogMel) -> None:
    """Where the spectrum is smooth, the way back loses nothing: a constant level is a constant magnitude."""
    magnitude = log_mel.magnitudes(torch.full((1, 1, BANDS), -2.0))[0, :, 0] * 2 / WINDOW
    again = 0.5 * (log_mel.bank @ magnitude.square() + FLOOR**2).log10()
    assert torch.allclose(again, torch.full((BANDS,), -2.0), atol=1e-4)


def test_none_of_its_tensors_are_saved(log_mel: LogMel) -> None:
    assert not log_mel.state_dict()
