"""torchlibrosa's log-mel front end in its key layout, which PANNs and both CLAPs have inside their files.

Legend: B sounds, T samples, F frames, N = window / 2 + 1 frequencies, M mel bands.
The Fourier matrices (with their Hann window) and the mel filters are tensors of the file, so each network gets the
front end that it was trained with: 10 log10 of the mel power of centred frames, at least 1e-10, the sound reflected at
its ends.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

_FLOOR: Final = 1e-10


class PowerSpectrogram(nn.Module):
    """Sounds to power spectra of frames; the file's `spectrogram_extractor`."""

    def __init__(self, window: int, hop: int) -> None:
        super().__init__()
        self.window, self.hop = window, hop
        parts = ("conv_real", "conv_imag")
        self.stft = nn.ModuleDict({part: nn.Conv1d(1, window // 2 + 1, window, hop, bias=False) for part in parts})

    def forward(self, sounds_BT: Tensor) -> Tensor:
        """Returns (B, F, N) with F = 1 + T // hop; T must be above half the window."""
        side = self.window // 2
        padded = functional.pad(sounds_BT[:, None], (side, side), mode="reflect")[:, 0]
        frames_BFW = padded.unfold(1, self.window, self.hop)
        weights = dict(self.stft.named_parameters())
        real, imaginary = (frames_BFW @ weights[f"{part}.weight"][:, 0].T for part in ("conv_real", "conv_imag"))
        return real.square() + imaginary.square()


class LogMelFilters(nn.Module):
    """Power spectra to mel bands in decibels; the file's `logmel_extractor`."""

    def __init__(self, window: int, bands: int) -> None:
        super().__init__()
        self.melW = nn.Parameter(torch.zeros(window // 2 + 1, bands))

    def forward(self, power_BFN: Tensor) -> Tensor:
        """Returns (B, F, M)."""
        return 10 * (power_BFN @ self.melW).clamp(min=_FLOOR).log10()
