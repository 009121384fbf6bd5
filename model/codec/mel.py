"""The mel spectrogram that MMAudio's VAE is trained on.

Legend: B batch, T samples, M mel frames, K mel bands.
Magnitudes (not powers) of a Hann window without centring, padded by reflection so that T / hop frames come out; Slaney
mel bands; logarithm of at least 1e-5, natural at 44.1 kHz and decimal at 16 kHz. Source: SPEC M1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

_FLOOR: Final = 1e-5
_TINY: Final = 1e-9  # inside the magnitude's root


@dataclass(frozen=True, slots=True, kw_only=True)
class MelSizes:
    """Settings of one mel spectrogram; bands reach from 0 Hz to half the sample rate."""

    sample_rate_hz: int
    window: int
    hop: int
    bands: int
    log: Literal["natural", "decimal"]


MEL_44K: Final = MelSizes(sample_rate_hz=44_100, window=2048, hop=512, bands=128, log="natural")
MEL_16K: Final = MelSizes(sample_rate_hz=16_000, window=1024, hop=256, bands=80, log="decimal")


class Mel(nn.Module):
    """Audio to log mel magnitudes. None of its tensors are in a file."""

    filters: Tensor
    hann: Tensor

    def __init__(self, sizes: MelSizes) -> None:
        super().__init__()
        from librosa.filters import mel

        self.sizes = sizes
        bands = mel(
            sr=sizes.sample_rate_hz, n_fft=sizes.window, n_mels=sizes.bands, fmin=0, fmax=sizes.sample_rate_hz / 2
        )
        self.register_buffer("filters", torch.from_numpy(bands).float(), persistent=False)
        self.register_buffer("hann", torch.hann_window(sizes.window), persistent=False)

    def forward(self, audio_BT: Tensor) -> Tensor:
        """Returns (B, K, M) with M = T / hop. T must be a multiple of the hop, at least half the window long."""
        sizes = self.sizes
        side = (sizes.window - sizes.hop) // 2
        padded_BT = functional.pad(audio_BT.clamp(-1, 1)[:, None], (side, side), mode="reflect")[:, 0]
        spectrum = torch.stft(
            padded_BT, sizes.window, sizes.hop, window=self.hann, center=False, onesided=True, return_complex=True
        )
        magnitude_BFM = (spectrum.real.square() + spectrum.imag.square() + _TINY).sqrt()
        mel_BKM = (self.filters @ magnitude_BFM).clamp(min=_FLOOR)
        return mel_BKM.log() if sizes.log == "natural" else mel_BKM.log10()
