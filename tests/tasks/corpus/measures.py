"""What the tests of the built-in corpus measure of audio, and the scenes that they measure.

Legend: T samples at 16 kHz.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from scipy.signal import welch

from tasks.corpus.builtin import scenes
from tasks.corpus.config import CorpusConfig
from tasks.corpus.modal import RATE_HZ
from tasks.corpus.scene import Scene
from tasks.media.samples import Samples


@cache
def corpus() -> tuple[Scene, ...]:
    """Returns the scenes of the default corpus."""
    return tuple(scenes(CorpusConfig()))


def scenes_with_video() -> list[Scene]:
    """Returns those of the default corpus that have a video."""
    return [scene for scene in corpus() if scene.has_video]


def texture_scene(kind: str) -> Scene:
    """Returns a scene of a texture; its events count only where the texture has any."""
    return replace(next(scene for scene in corpus() if scene.kind == "clock"), kind=kind)


def level_db(audio_T: np.ndarray) -> float:
    """Returns the root-mean-square level in dBFS, -120 for silence."""
    return float(10 * np.log10(np.mean(np.square(audio_T, dtype=np.float64)) + 1e-12))


def centroid_hz(audio_T: np.ndarray) -> float:
    """Returns the power-weighted mean frequency."""
    frequencies, power = welch(audio_T, RATE_HZ, nperseg=min(2048, len(audio_T)))
    return float(np.sum(frequencies * power) / np.sum(power))


def treble_share(audio_T: np.ndarray) -> float:
    """Returns the share of the energy above 3 kHz."""
    frequencies, power = welch(audio_T, RATE_HZ, nperseg=2048)
    return float(np.sum(power[frequencies > 3000]) / np.sum(power))


def energy_share(audio_T: np.ndarray, start_s: float, end_s: float) -> float:
    """Returns the share of the energy that lies between two times."""
    part_T = audio_T[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)]
    return float(np.sum(np.square(part_T)) / np.sum(np.square(audio_T)))


def onset_after(audio_T: Samples, event_s: float) -> float:
    """Returns when the 2 ms energy first jumps near an event: 25 % of the way to its local maximum."""
    step = RATE_HZ // 500
    start = max(0, round((event_s - 0.03) * RATE_HZ))
    frames = audio_T[start : start + 40 * step]
    energy = np.sqrt(np.mean(frames[: len(frames) // step * step].reshape(-1, step) ** 2, axis=1))
    before = float(energy[:10].mean())
    above = np.flatnonzero(energy > before + 0.25 * (energy[10:25].max() - before))
    return (start + int(above[above >= 8][0]) * step) / RATE_HZ
