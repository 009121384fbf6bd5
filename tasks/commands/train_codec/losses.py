"""Losses of the codec: mel distances at several resolutions, signal-to-noise ratio, KL. No adversary.

Legend: B batch, T samples, F latent channels, N latent frames, M mel bands.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import librosa
import torch
from torch import Tensor

SCALES: Final = ((2048, 96), (1024, 80), (512, 48), (256, 24), (64, 10))  # (window, mel bands); hop = window / 4
_FLOOR: Final = 3e-6  # of band magnitudes; with a higher one, silence would score well for sparse audio
_QUIET_BAND: Final = 5e-5  # mean magnitude below which relative differences fade out
_QUIET_POWER: Final = 3e-5  # -45 dBFS: quieter errors hardly count, else quiet segments would dominate the gradient


@dataclass(frozen=True, slots=True)
class Losses:
    """The terms of one step's loss, scalars. `snr_db` is the mean over the batch (higher is better)."""

    mel: Tensor
    spectral: Tensor
    snr_db: Tensor
    kl: Tensor


def codec_losses(real_BT: Tensor, made_BT: Tensor, mean_BFN: Tensor, logvar_BFN: Tensor, rate_hz: int) -> Losses:
    """Returns the losses of a reconstruction; KL is summed over channels and averaged over frames, in nats."""
    kl = 0.5 * (mean_BFN**2 + logvar_BFN.exp() - 1 - logvar_BFN).sum(1).mean()
    mel, spectral = spectral_distances(real_BT, made_BT, rate_hz)
    return Losses(mel, spectral, snr_db(real_BT, made_BT).mean(), kl)


def spectral_distances(real_BT: Tensor, made_BT: Tensor, rate_hz: int) -> tuple[Tensor, Tensor]:
    """Returns two distances of mel spectra, averaged over the scales: L1 of the log10, and L1 over the sum of both.

    Strikes fill a tenth of the time. The distance of logarithms weighs all frames equally, so silence would score well;
    the relative one weighs energy, and is at most 1 however wrong the level.
    """
    log_total, relative_total = real_BT.new_zeros(()), real_BT.new_zeros(())
    both_BT = torch.cat([real_BT, made_BT])
    for window, bands in SCALES:
        real_BMN, made_BMN = mel(both_BT, window, bands, rate_hz).chunk(2)
        difference_B = (real_BMN - made_BMN).abs().mean((1, 2))
        energy_B = real_BMN.mean((1, 2)) + made_BMN.mean((1, 2)) + _QUIET_BAND
        relative_total = relative_total + (difference_B / energy_B).mean()
        log_total = log_total + ((real_BMN + _FLOOR).log10() - (made_BMN + _FLOOR).log10()).abs().mean()
    return log_total / len(SCALES), relative_total / len(SCALES)


def mel(audio_BT: Tensor, window: int, bands: int, rate_hz: int) -> Tensor:
    """Returns mel magnitudes (B, M, frames) with a hop of a quarter window."""
    shape = torch.hann_window(window, device=audio_BT.device)
    spectrum = torch.stft(audio_BT, window, window // 4, window=shape, return_complex=True, pad_mode="constant")
    power = spectrum.real**2 + spectrum.imag**2
    magnitude = torch.sqrt(power + 1e-12) * (2.0 / window)
    return _mel_filters(window, bands, rate_hz).to(audio_BT.device) @ magnitude


def snr_db(real_BT: Tensor, made_BT: Tensor) -> Tensor:
    """Returns the signal-to-noise ratio per item, (B,), in dB; a tiny floor keeps silence finite."""
    error_B = (real_BT - made_BT).square().mean(1) + _QUIET_POWER
    return 10 * torch.log10((real_BT.square().mean(1) + _QUIET_POWER) / error_B)


@cache
def _mel_filters(window: int, bands: int, rate_hz: int) -> Tensor:
    """Returns mel filters whose rows sum to 1, so that levels are comparable at all resolutions."""
    filters = torch.from_numpy(librosa.filters.mel(sr=rate_hz, n_fft=window, n_mels=bands, fmin=0, norm=None))
    return filters / filters.sum(1, keepdim=True).clamp(min=1e-6)
