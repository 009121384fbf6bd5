"""Phase reconstruction: audio whose STFT has given magnitudes (Griffin and Lim 1984; momentum: Perraudin et al. 2013).

Legend: F frequency bins, M frames, K bands, W samples of the window, T samples, P padded samples, X values of any kind.
The start is zero phase, not chance, so equal magnitudes give equal audio. Magnitudes that no audio has lose energy, so
the bands' energies are compared with the wanted ones in some rounds and the magnitudes are corrected.
"""

# ruff: noqa: N815 - shape suffixes of record fields
from __future__ import annotations

import math
from dataclasses import dataclass
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
    last = magnitude_FM[:, -1:]  # the STFT's last frame is centred on the end
    wanted_MF = torch.cat([magnitude_FM, last], dim=1).T.contiguous()
    stft = PaddedSTFT.of(hann, hop, len(wanted_MF))
    target_MF, spectrum_MF = wanted_MF, wanted_MF.to(torch.complex64)
    before_MF = torch.zeros_like(spectrum_MF)
    for step in range(ROUNDS):
        found_MF = stft.spectrum(stft.audio(spectrum_MF))
        if step in CORRECTED_ROUNDS:
            target_MF = target_MF * (_corrections(wanted_MF, _size(found_MF), bank_KF) @ spread_FK.T)
        ahead_MF = torch.sub(found_MF, before_MF, alpha=MOMENTUM / (1 + MOMENTUM))
        spectrum_MF = ahead_MF * (target_MF / _size(ahead_MF).add_(_TINY))
        before_MF = found_MF
    return stft.cut(stft.audio(spectrum_MF))


@dataclass(frozen=True, slots=True)
class PaddedSTFT:
    """`torch.stft` and `torch.istft` with zeros around the audio, whose frames are rows and whose audio stays padded.

    A round of phase reconstruction takes a third of the time that it takes with these: no envelope of the windows is
    made, checked and cut in every round, and the frames are added by slices.
    """

    hann_W: Tensor
    hop: int
    frames: int
    inverse_envelope_P: Tensor  # zero outside the audio

    @classmethod
    def of(cls, hann_W: Tensor, hop: int, frames: int) -> PaddedSTFT:
        """Returns the transform of (frames - 1) * hop samples of audio."""
        envelope_P = _overlap_add(hann_W.square().expand(frames, -1), hop)
        start, length = len(hann_W) // 2, (frames - 1) * hop
        inverse_P = torch.zeros_like(envelope_P)
        inverse_P[start : start + length] = 1 / envelope_P[start : start + length]
        return cls(hann_W, hop, frames, inverse_P)

    def audio(self, spectrum_MF: Tensor) -> Tensor:
        """Returns the padded audio (P,) whose frames are nearest to a spectrum's."""
        frames_MW = torch.fft.irfft(spectrum_MF, len(self.hann_W)).mul_(self.hann_W)
        return _overlap_add(frames_MW, self.hop).mul_(self.inverse_envelope_P)

    def spectrum(self, padded_P: Tensor) -> Tensor:
        """Returns the spectrum (M, F) of padded audio."""
        frames_MW = padded_P.unfold(0, len(self.hann_W), self.hop)[: self.frames]
        return torch.fft.rfft(frames_MW * self.hann_W)

    def cut(self, padded_P: Tensor) -> Tensor:
        """Returns the audio (T,) inside the padding."""
        start = len(self.hann_W) // 2
        return padded_P[start : start + (self.frames - 1) * self.hop]


def _overlap_add(frames_MW: Tensor, hop: int) -> Tensor:
    """Returns the sum (P,) of frames that begin `hop` samples after one another; P is a multiple of the hop."""
    frames, window = frames_MW.shape
    pieces = math.ceil(window / hop)
    sum_XH = frames_MW.new_zeros(frames + pieces - 1, hop)
    for piece in range(pieces):
        part = frames_MW[:, piece * hop : (piece + 1) * hop]
        sum_XH[piece : piece + frames, : part.shape[1]] += part
    return sum_XH.flatten()


def _size(spectrum_MF: Tensor) -> Tensor:
    """Returns the magnitudes: `abs` takes three times as long, as it also serves values near the type's limits."""
    return (spectrum_MF.real.square() + spectrum_MF.imag.square()).sqrt_()


def _corrections(wanted_MF: Tensor, found_MF: Tensor, bank_KF: Tensor) -> Tensor:
    """Returns factors (M, K) that bring the found bands' magnitudes to the wanted ones, smoothed over three frames."""
    ratio_MK = (wanted_MF.square() @ bank_KF.T + _TINY) / (found_MF.square() @ bank_KF.T + _TINY)
    smooth_KM = functional.avg_pool1d(ratio_MK.T[None], 3, stride=1, padding=1, count_include_pad=False)[0]
    return smooth_KM.T.sqrt().clamp(1 / _LARGEST_FACTOR, _LARGEST_FACTOR)
