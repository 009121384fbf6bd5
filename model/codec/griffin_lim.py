"""Phase reconstruction: audio whose STFT has given magnitudes (Griffin and Lim 1984; momentum: Perraudin et al. 2013).

Legend: F frequency bins, M frames, K bands, T samples.
The start is zero phase, not chance, so equal magnitudes give equal audio. Magnitudes that no audio has lose energy, so
the bands' energies are compared with the wanted ones in some rounds and the magnitudes are corrected.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

ROUNDS: Final = 44
MOMENTUM: Final = 0.99
CORRECTED_ROUNDS: Final = (22, 33)
_LARGEST_FACTOR: Final = 4.0  # of a correction, either way
_TINY: Final = 1e-9


def griffin_lim(magnitude_FM: Tensor, hann: Tensor, hop: int, bank_KF: Tensor, spread_FK: Tensor) -> Tensor:
    """Returns audio (T,) with T = M * hop from an STFT's magnitudes; frame m is centred on sample m * hop.

    `bank_KF` gives the bands' energies, `spread_FK` a factor per band back to the bins.
    """
    window, length = len(hann), magnitude_FM.shape[-1] * hop
    wanted_FM = torch.cat([magnitude_FM, magnitude_FM[:, -1:]], dim=1)  # the STFT's last frame is centred on the end
    target_FM = wanted_FM
    phase_FM = torch.ones_like(wanted_FM, dtype=torch.complex64)
    before_FM = torch.zeros_like(phase_FM)
    for step in range(ROUNDS):
        audio_T = torch.istft(target_FM * phase_FM, window, hop, window=hann, center=True, length=length)
        found_FM = torch.stft(audio_T, window, hop, window=hann, center=True, pad_mode="constant", return_complex=True)
        if step in CORRECTED_ROUNDS:
            target_FM = target_FM * (spread_FK @ _corrections(wanted_FM, found_FM.abs(), bank_KF))
        ahead_FM = found_FM - (MOMENTUM / (1 + MOMENTUM)) * before_FM
        phase_FM = ahead_FM / (ahead_FM.abs() + _TINY)
        before_FM = found_FM
    return torch.istft(target_FM * phase_FM, window, hop, window=hann, center=True, length=length)


def _corrections(wanted_FM: Tensor, found_FM: Tensor, bank_KF: Tensor) -> Tensor:
    """Returns factors (K, M) that bring the found bands' magnitudes to the wanted ones, smoothed over three frames."""
    ratio_KM = (bank_KF @ wanted_FM.square() + _TINY) / (bank_KF @ found_FM.square() + _TINY)
    smooth_KM = functional.avg_pool1d(ratio_KM[None], 3, stride=1, padding=1, count_include_pad=False)[0]
    return smooth_KM.sqrt().clamp(1 / _LARGEST_FACTOR, _LARGEST_FACTOR)
