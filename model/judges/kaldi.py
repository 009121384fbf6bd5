"""Log mel energies as Kaldi computes them (`compute-fbank-feats`), the input of several audio transformers.

Legend: T samples, M frames, B mel bands. Frames of 25 ms every 10 ms that lie wholly inside; from each its mean is
removed, then pre-emphasis by 0.97 and a Hann window; power spectrum; triangles on Kaldi's mel scale from 20 Hz to half
the sample rate; natural logarithm of at least float32's epsilon. No dither, no energy.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from model.codec.torchaudio_shim import prepare_torchaudio  # transformers.audio_utils imports torchaudio

FRAME_S: Final = 0.025
_HOP_S: Final = 0.010
_LOWEST_HZ: Final = 20.0
_PREEMPHASIS: Final = 0.97


def fbank(sound_T: Tensor, rate_hz: int, bands: int) -> Tensor:
    """Returns (M, B) float32 on the CPU. `sound_T` must be at least `frame_length(rate_hz)` samples long."""
    prepare_torchaudio()
    from transformers.audio_utils import spectrogram, window_function

    frame = frame_length(rate_hz)
    fft = 1 << (frame - 1).bit_length()  # the next power of two
    energies_BM = spectrogram(
        sound_T.cpu().numpy(),
        window_function(frame, "hann", periodic=False),
        frame_length=frame,
        hop_length=round(_HOP_S * rate_hz),
        fft_length=fft,
        power=2.0,
        center=False,
        preemphasis=_PREEMPHASIS,
        mel_filters=triangles(fft, rate_hz, bands, _LOWEST_HZ, rate_hz / 2),
        log_mel="log",
        mel_floor=float(np.finfo(np.float32).eps),
        remove_dc_offset=True,
    )
    return torch.from_numpy(energies_BM.T.copy())


def frame_length(rate_hz: int) -> int:
    """Returns the samples of one frame."""
    return round(FRAME_S * rate_hz)


@cache
def triangles(fft: int, rate_hz: int, bands: int, lowest_hz: float, highest_hz: float) -> npt.NDArray[np.float64]:
    """Returns (fft / 2 + 1, B): filters whose sides are straight in mel, not in Hz.

    Of 128 triangles, some of the lowest are too narrow to contain a bin, as in Kaldi.
    """
    prepare_torchaudio()
    from transformers.audio_utils import mel_filter_bank

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "At least one mel filter has all zero values", UserWarning)
        return mel_filter_bank(
            num_frequency_bins=fft // 2 + 1,
            num_mel_filters=bands,
            min_frequency=lowest_hz,
            max_frequency=highest_hz,
            sampling_rate=rate_hz,
            mel_scale="kaldi",
            triangularize_in_mel_space=True,
        )
