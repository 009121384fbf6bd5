"""Baselines: audio that the model did not make, scored exactly as the model's is.

Legend: T samples. A metric on which noise, silence or a regular click scores well is exposed by these rows; the codec's
round trip of the true audio is the upper bound of every model that ends in this codec, and the truth that of every
metric.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tasks.media.samples import Samples

CODEC_UPPER_BOUND: Final = "codec(truth)"
TRUTH: Final = "truth"
SHUFFLED: Final = "shuffled pairing"
RANDOM_EVENTS: Final = "random events"
CLICKS: Final = "click every 0.2 s"
PASTED: Final = "reference pasted"
NOISE: Final = "white noise"
SILENCE: Final = "silence"
CONSTANT: Final = (CLICKS, SILENCE)
"""Those that do not depend on the clip."""
_LEVEL: Final = 0.1
_DECAY_S: Final = 0.03
_BURST_S: Final = 0.2
_CLICK_GAP_S: Final = 0.2
_CLICK_S: Final = 0.002


def silence(length: int) -> Samples:
    """Returns (T,) zeros."""
    return np.zeros(length, np.float32)


def white_noise(length: int, rng: np.random.Generator) -> Samples:
    """Returns (T,) noise at -20 dBFS."""
    return (_LEVEL * rng.standard_normal(length)).astype(np.float32)


def random_events(length: int, rate_hz: int, count: int, rng: np.random.Generator) -> Samples:
    """Returns (T,) `count` decaying noise bursts at uniformly random times: only the number of events is right."""
    audio_T = np.zeros(length, np.float32)
    time_T = np.arange(round(_BURST_S * rate_hz)) / rate_hz
    for start in sorted(int(position) for position in rng.integers(0, max(1, length), count)):
        burst_T = rng.standard_normal(len(time_T)) * np.exp(-time_T / _DECAY_S)
        audio_T[start : start + len(burst_T)] += (_LEVEL * burst_T[: length - start]).astype(np.float32)
    return audio_T


def clicks(length: int, rate_hz: int) -> Samples:
    """Returns (T,) a click every 0.2 s: near most events of any clip, whatever the video shows."""
    audio_T = np.zeros(length, np.float32)
    for start in range(0, length, round(_CLICK_GAP_S * rate_hz)):
        audio_T[start : start + round(_CLICK_S * rate_hz)] = _LEVEL
    return audio_T


def pasted(reference_T: Samples, length: int) -> Samples:
    """Returns (T,) the reference, repeated until the clip is full."""
    if not len(reference_T):
        return silence(length)
    return np.tile(reference_T, -(-length // len(reference_T)))[:length]
