"""What the judge `corpus-cnn` hears of audio: log-mel levels over time, and the clip's levels in narrow bands.

Legend: B batch, T samples, M mel frames (10 ms), K mel bands, F bins of the long STFT, W its frames, P pitch bands.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from model.codec.log_mel import LogMel

RATE_HZ: Final = 16_000
HOP: Final = 160
BANDS: Final = 64
PITCH_BANDS: Final = 169
_WINDOW: Final = 512
_RANGE_DECADES: Final = 3.0  # 60 dB
_LONG_WINDOW: Final = 2_048  # bins of 8 Hz: a semitone is 6 Hz at the lowest pitch of cardboard
_LONG_HOP: Final = 1_024
_LOWEST_HZ: Final = 55.0
_LOG2_LOWEST: Final = math.log2(_LOWEST_HZ)
_BANDS_PER_OCTAVE: Final = 24  # half a semitone
_FLOOR: Final = 1e-12


class Levels(NamedTuple):
    """Both are in -1..1: 1 is the clip's loudest band (and frame), -1 is 60 dB or more below it."""

    mel_B1KM: Tensor  # noqa: N815 (shape suffix)
    spectrum_B2P: Tensor  # noqa: N815  mean over time, loud frames counting more; and maximum over time


class RelativeLevels(nn.Module):
    """Audio to levels that do not depend on the audio's own level. None of its tensors are in a file."""

    hann: Tensor
    bank: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.mel = LogMel(RATE_HZ, _WINDOW, HOP, BANDS)
        self.register_buffer("hann", torch.hann_window(_LONG_WINDOW), persistent=False)
        self.register_buffer("bank", pitch_bank(), persistent=False)

    def forward(self, audio_BT: Tensor) -> Levels:
        """Returns the levels of audio (B, T). The mean of the audio is taken out, too. Audio must not be constant."""
        centred_BT = audio_BT - audio_BT.mean(1, keepdim=True)
        centred_BT = centred_BT / centred_BT.abs().amax(1, keepdim=True)
        return Levels(_relative(self.mel(centred_BT)).transpose(1, 2)[:, None], self._spectrum(centred_BT))

    def _spectrum(self, audio_BT: Tensor) -> Tensor:
        spectrum_BFW = torch.stft(
            audio_BT, _LONG_WINDOW, _LONG_HOP, window=self.hann, pad_mode="constant", return_complex=True
        )
        power_BFW = spectrum_BFW.real.square() + spectrum_BFW.imag.square()
        energy_B1W = power_BFW.sum(1, keepdim=True)
        mean_BF = (power_BFW * (energy_B1W / energy_B1W.sum(2, keepdim=True))).sum(2)
        power_B2F = torch.stack([mean_BF, power_BFW.amax(2)], dim=1)
        level_B2P = 0.5 * (power_B2F @ self.bank.T + _FLOOR).log10()
        return torch.cat([_relative(level_B2P[:, :1]), _relative(level_B2P[:, 1:])], dim=1)


def pitch_bank() -> Tensor:
    """Returns triangular bands (P, F) around `band_hz`, a band's distance wide but at least a bin; rows sum to 1."""
    bin_F = torch.linspace(0, RATE_HZ / 2, _LONG_WINDOW // 2 + 1)
    centre_P1 = _LOWEST_HZ * torch.exp2(torch.arange(PITCH_BANDS) / _BANDS_PER_OCTAVE)[:, None]
    width_P1 = (centre_P1 * (2 ** (1 / _BANDS_PER_OCTAVE) - 1)).clamp(min=RATE_HZ / _LONG_WINDOW)
    weight_PF = (1 - (bin_F - centre_P1).abs() / width_P1).clamp(min=0)
    return weight_PF / weight_PF.sum(1, keepdim=True)


def pitch_place(log2_hz: Tensor) -> Tensor:
    """Returns where pitches (octaves over 1 Hz) lie among the pitch bands: 0 is the lowest one's centre."""
    return (log2_hz - _LOG2_LOWEST) * _BANDS_PER_OCTAVE


def place_pitch(place: Tensor) -> Tensor:
    """Returns the pitches in octaves over 1 Hz of places among the pitch bands; the inverse of `pitch_place`."""
    return place / _BANDS_PER_OCTAVE + _LOG2_LOWEST


def _relative(level_BXY: Tensor) -> Tensor:
    below_BXY = (level_BXY - level_BXY.amax((1, 2), keepdim=True)).clamp(min=-_RANGE_DECADES)
    return 1 + below_BXY * (2 / _RANGE_DECADES)
