"""Measures of a codec's round trip, each of one clip or of a set: level, spectra, onsets, and the latent's use.

Legend: T samples, N latent frames, F latent channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from model.codec import Codec
from tasks.commands.train_codec.losses import mel, spectral_distances
from tasks.media.samples import Samples

RATE_HZ: Final = 16_000
STEP: Final = 32
"""Samples per value of an envelope: 2 ms."""
_SILENT: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Quality:
    """One clip's round trip. `mel_l1` is the L1 of log10-mel spectra over five resolutions, `mel_db` an 80-band
    spectrum's distance in dB, `si_sdr_db` the scale-invariant signal-to-distortion ratio."""

    level_change_db: float
    mel_l1: float
    mel_db: float
    si_sdr_db: float


def round_trip(codec: Codec, audio_T: Samples) -> Samples:
    """Returns the audio decoded from the latent's mean, same length."""
    mean_BNF, _ = codec.encode(torch.from_numpy(audio_T)[None])
    made_T: Samples = codec.decode(mean_BNF)[0, : len(audio_T)].numpy()
    return made_T


def quality(real_T: Samples, made_T: Samples) -> Quality:
    """Returns one clip's distances. Both must be audible."""
    real, made = torch.from_numpy(real_T)[None], torch.from_numpy(made_T)[None]
    fine = [20 * torch.log10(mel(audio, 1024, 80, RATE_HZ) + 1e-4) for audio in (real, made)]
    return Quality(
        level_db(made_T) - level_db(real_T),
        float(spectral_distances(real, made, RATE_HZ)[0]),
        float((fine[0] - fine[1]).abs().mean()),
        si_sdr_db(real_T, made_T),
    )


def level_db(audio_T: Samples) -> float:
    """Returns the level (RMS) in dBFS, -120 for silence."""
    return float(10 * np.log10(np.mean(np.square(audio_T, dtype=np.float64)) + _SILENT))


def si_sdr_db(real_T: Samples, made_T: Samples) -> float:
    """Returns the scale-invariant signal-to-distortion ratio in dB."""
    target_T = real_T * (np.dot(made_T, real_T) / (np.dot(real_T, real_T) + _SILENT))
    return float(10 * np.log10((np.sum(target_T**2) + _SILENT) / (np.sum((made_T - target_T) ** 2) + _SILENT)))


def onset_s(audio_T: Samples, event_s: float) -> float:
    """Returns when the 2 ms level around an event first passes half of its local maximum."""
    start = max(0, round((event_s - 0.06) * RATE_HZ))
    level = envelope(audio_T[start : start + round(0.12 * RATE_HZ)])
    before = float(level[:10].min())
    return (start + int(np.argmax(level >= before + 0.5 * (level.max() - before))) * STEP) / RATE_HZ


def leak_db(audio_T: Samples, event_s: float) -> float:
    """Returns the peak level 60 to 20 ms before an event relative to the strike's peak, in dB."""
    at = round(event_s * RATE_HZ)
    before = envelope(audio_T[max(0, at - 960) : at - 320]).max()
    return float(20 * np.log10((before + 1e-6) / (envelope(audio_T[max(0, at - 80) : at + 800]).max() + 1e-6)))


def envelope(audio_T: Samples) -> Samples:
    """Returns the RMS of each 2 ms."""
    whole = len(audio_T) // STEP * STEP
    levels: Samples = np.sqrt(np.mean(audio_T[:whole].reshape(-1, STEP) ** 2, axis=1))
    return levels


@dataclass(frozen=True, slots=True)
class LatentUse:
    """How latents are used: the means' spread (deviation) by channel, the mean deviation, KL in nats per frame."""

    channels: int
    least_spread: float
    greatest_spread: float
    deviation: float
    used: int
    kl: float


def latent_use(codec: Codec, clips: Sequence[Samples]) -> LatentUse:
    """Measures the latents of clips; a channel is used when its means spread over twice its deviation."""
    means, stds = zip(*(codec.encode(torch.from_numpy(audio_T)[None]) for audio_T in clips), strict=True)
    mean_NF, std_NF = torch.cat(means, 1)[0], torch.cat(stds, 1)[0]
    spread_F = mean_NF.std(0)
    return LatentUse(
        channels=len(spread_F),
        least_spread=float(spread_F.min()),
        greatest_spread=float(spread_F.max()),
        deviation=float(std_NF.mean()),
        used=int((spread_F > 2 * std_NF.mean(0)).sum()),
        kl=float(0.5 * (mean_NF**2 + std_NF**2 - 1 - 2 * std_NF.log()).sum(1).mean()),
    )
