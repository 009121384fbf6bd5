"""torchlibrosa's front end: with its published matrices it is a log-mel spectrogram of librosa's filters."""

from __future__ import annotations

import math

import librosa
import numpy as np
import pytest
import torch

from model.judges.log_mel import LogMelFilters, PowerSpectrogram
from tests.model.codec.layouts import network_shapes
from tests.model.judges.audio_layouts import front_end
from tests.model.judges.small_judges import sound


def fourier(window: int) -> dict[str, torch.Tensor]:
    """The Fourier matrices with a periodic Hann window, as torchlibrosa stores them."""
    index = torch.arange(window, dtype=torch.float64)
    angles = 2 * math.pi / window * index[: window // 2 + 1, None] * index
    hann = 0.5 - 0.5 * torch.cos(2 * math.pi / window * index)
    return {
        "stft.conv_real.weight": (angles.cos() * hann)[:, None].float(),
        "stft.conv_imag.weight": (-angles.sin() * hann)[:, None].float(),
    }


@pytest.mark.parametrize(
    ("rate_hz", "window", "hop", "low", "high"),
    [(16_000, 512, 160, 50, 8_000), (48_000, 1024, 480, 50, 14_000), (32_000, 1024, 320, 50, 14_000)],
)
def test_it_is_the_log_mel_of_centred_frames(rate_hz: int, window: int, hop: int, low: int, high: int) -> None:
    samples = sound(4_000)
    spectrogram, filters = PowerSpectrogram(window, hop), LogMelFilters(window, 64)
    spectrogram.load_state_dict(fourier(window))
    banks = librosa.filters.mel(sr=rate_hz, n_fft=window, n_mels=64, fmin=low, fmax=high)
    filters.load_state_dict({"melW": torch.from_numpy(banks.T)})
    with torch.no_grad():
        made = filters(spectrogram(samples[None]))[0]
    spectrum = torch.stft(
        samples, window, hop, window=torch.hann_window(window), pad_mode="reflect", return_complex=True
    )
    expected = librosa.power_to_db(banks @ spectrum.abs().square().numpy(), ref=1.0, amin=1e-10, top_db=None)
    assert made.shape == (1 + 4_000 // hop, 64)
    np.testing.assert_allclose(made.numpy(), expected.T, atol=2e-3)


def test_silence_is_the_floor() -> None:
    filters = LogMelFilters(64, 4)
    assert filters(torch.zeros(1, 3, 33)).unique().tolist() == [-100.0]


def test_names_are_torchlibrosas() -> None:
    parts = {"spectrogram_extractor": PowerSpectrogram(512, 160), "logmel_extractor": LogMelFilters(512, 64)}
    assert network_shapes(lambda: torch.nn.ModuleDict(parts)) == front_end(512, 64)
