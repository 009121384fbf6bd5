"""Log-mel levels of a short window, and the magnitudes that belong to them: what the embedded mel-VAE codes.

Legend: B batch, T samples, M mel frames, K mel bands, F frequency bins of the STFT.
A level is the decimal logarithm of a band's root-mean-square magnitude, at least -5; a full-scale sine is near -0.3.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

FLOOR: Final = 1e-5
"""Magnitude of the lowest level: -5 decades, -100 dB."""
CEILING: Final = 1.0
"""Magnitude above anything that audio in -1..1 can have in a band."""


class LogMel(nn.Module):
    """Audio to log-mel levels, and back to magnitudes. None of its tensors are in a file."""

    hann: Tensor
    bank: Tensor
    spread: Tensor

    def __init__(self, sample_rate_hz: int, window: int, hop: int, bands: int) -> None:
        super().__init__()
        self.window, self.hop = window, hop
        bank_KF = mel_bank(sample_rate_hz, window, bands)
        self.register_buffer("hann", torch.hann_window(window), persistent=False)
        self.register_buffer("bank", bank_KF, persistent=False)
        self.register_buffer("spread", interpolation(bank_KF), persistent=False)

    def forward(self, audio_BT: Tensor) -> Tensor:
        """Returns levels (B, M, K) with M = T / hop; frame m is centred on sample m * hop, zeros around."""
        spectrum_BFM = torch.stft(
            audio_BT, self.window, self.hop, window=self.hann, center=True, pad_mode="constant", return_complex=True
        )[..., : audio_BT.shape[-1] // self.hop]
        power_BFM = (spectrum_BFM.real.square() + spectrum_BFM.imag.square()) * (2 / self.window) ** 2
        return 0.5 * (self.bank @ power_BFM + FLOOR**2).log10().transpose(1, 2)

    def magnitudes(self, level_BMK: Tensor) -> Tensor:
        """Returns the STFT's magnitudes (B, F, M): levels interpolated between the bands' centres, the floor taken off.

        Levels are limited to what audio in -1..1 can have, so a wrong level cannot become an arbitrarily loud one.
        """
        limited_BMK = level_BMK.clamp(np.log10(FLOOR), np.log10(CEILING))
        power_BFM = torch.pow(10.0, 2 * (self.spread @ limited_BMK.transpose(1, 2)))
        return (power_BFM - FLOOR**2).clamp(min=0).sqrt() * (self.window / 2)


def mel_bank(sample_rate_hz: int, window: int, bands: int) -> Tensor:
    """Returns Slaney mel filters (K, F) whose rows sum to 1. A band narrower than a bin gets the nearest bin."""
    from librosa import mel_frequencies
    from librosa.filters import mel

    bank_KF = mel(sr=sample_rate_hz, n_fft=window, n_mels=bands, fmin=0, norm=None)
    centres_hz = mel_frequencies(bands + 2, fmin=0, fmax=sample_rate_hz / 2)[1:-1]
    for band in np.flatnonzero(bank_KF.sum(axis=1) < 1e-6):
        bank_KF[band, round(centres_hz[band] * window / sample_rate_hz)] = 1
    return torch.from_numpy(bank_KF / bank_KF.sum(axis=1, keepdims=True))


def interpolation(bank_KF: Tensor) -> Tensor:
    """Returns weights (F, K) that interpolate each bin between the two nearest bands' centres; rows sum to 1."""
    bands, bins = bank_KF.shape
    centre_K = bank_KF @ torch.arange(bins, dtype=torch.float32)
    bin_F = torch.arange(bins, dtype=torch.float32)
    right_F = torch.searchsorted(centre_K, bin_F).clamp(1, bands - 1)
    left, right = centre_K[right_F - 1], centre_K[right_F]
    share_F = ((bin_F - left) / (right - left).clamp(min=1e-6)).clamp(0, 1)
    weights_FK = torch.zeros(bins, bands)
    weights_FK[torch.arange(bins), right_F - 1] = 1 - share_F
    weights_FK[torch.arange(bins), right_F] += share_F
    return weights_FK
