"""Sounds as the judges' originals load them: one channel, resampled, then cut, repeated or padded.

Legend: C channels, T samples.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from data_contracts import ContractError
from model.codec.torchaudio_shim import prepare_torchaudio
from model.judges.protocols import JudgeSpec


def prepare(channels_CT: Tensor, rate_hz: int, spec: JudgeSpec, seconds: float | None = None) -> Tensor:
    """Returns a file's sound (T) at `spec.rate_hz`, as the judge's original loads it (`spec.loading`).

    `seconds` is the length that is evaluated; None, or a judge that takes whole files, keeps everything. MS-CLAP's
    original puts the channels of a stereo file one after the other; here they are averaged, as all others do.
    Raises ContractError unless the samples are float32 (C, T).
    """
    if spec.rate_hz is None:
        raise ContractError(f"judge {spec.name}: takes no audio")
    if channels_CT.ndim != 2 or channels_CT.dtype != torch.float32:
        raise ContractError(
            f"judge {spec.name}: got audio {tuple(channels_CT.shape)} {channels_CT.dtype}; "
            "expected (channels, samples) torch.float32"
        )
    mono_T = channels_CT.mean(dim=0)
    if spec.loading == "centred":
        mono_T = mono_T - mono_T.mean()
    resampled = resample_by_librosa if spec.loading == "librosa" else resample
    sound_T = resampled(mono_T, rate_hz, spec.rate_hz)
    return sound_T if seconds is None or spec.loading == "whole" else sound_T[: int(spec.rate_hz * seconds)]


def resample(sound_T: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """Returns the sound at another rate: torchaudio's `Resample` with its defaults, as av-benchmark."""
    if from_hz == to_hz or not len(sound_T):
        return sound_T
    resampled_T: Tensor = _resampler(from_hz, to_hz)(sound_T)
    return resampled_T


def resample_by_librosa(sound_T: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """Returns the sound at another rate: librosa's `resample` with its defaults, as Resemblyzer."""
    if from_hz == to_hz or not len(sound_T):
        return sound_T
    from librosa import resample as librosas_resample

    return torch.from_numpy(librosas_resample(sound_T.numpy(), orig_sr=from_hz, target_sr=to_hz))


@lru_cache(maxsize=16)
def _resampler(from_hz: int, to_hz: int) -> Any:
    prepare_torchaudio()
    from torchaudio.transforms import Resample

    return Resample(from_hz, to_hz)


def crop(sound_T: Tensor, samples: int, seed: int) -> Tensor:
    """Returns `samples` of a longer sound; the seed draws where they start. A shorter sound is returned as it is."""
    starts = len(sound_T) - samples + 1
    if starts <= 1:
        return sound_T
    start = int(torch.randint(starts, (), generator=torch.Generator().manual_seed(seed)))
    return sound_T[start : start + samples]


def repeat_and_pad(sound_T: Tensor, samples: int) -> Tensor:
    """Returns a shorter sound as often as it fits whole into `samples`, then zeros."""
    repeated_T = sound_T.repeat(samples // len(sound_T))
    return functional.pad(repeated_T, (0, samples - len(repeated_T)))


def tile(sound_T: Tensor, samples: int) -> Tensor:
    """Returns a shorter sound repeated until `samples` are full; the last repetition is cut."""
    return sound_T.repeat(-(-samples // len(sound_T)))[:samples]
