"""Audio for the tests of evaluation."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np

from tasks.corpus.builtin import scene_audio, scenes
from tasks.corpus.config import CorpusConfig
from tasks.corpus.scene import Scene
from tasks.media.samples import Samples

RATE_HZ = 16000


def bursts(
    times_s: Iterable[float],
    *,
    duration_s: float = 8.0,
    level: float = 0.3,
    decay_s: float = 0.03,
    rate_hz: int = RATE_HZ,
    seed: int = 0,
) -> Samples:
    """Returns decaying noise bursts at known times."""
    rng = np.random.default_rng(seed)
    audio = np.zeros(round(duration_s * rate_hz) + rate_hz)
    clock = np.arange(rate_hz // 4) / rate_hz
    for time in times_s:
        start = round(time * rate_hz)
        audio[start : start + len(clock)] += level * rng.standard_normal(len(clock)) * np.exp(-clock / decay_s)
    return audio[: round(duration_s * rate_hz)].astype(np.float32)


def noise(duration_s: float = 8.0, level: float = 0.1, seed: int = 0, rate_hz: int = RATE_HZ) -> Samples:
    """Returns white noise of a root-mean-square level."""
    return (level * np.random.default_rng(seed).standard_normal(round(duration_s * rate_hz))).astype(np.float32)


def strike_scenes(count: int, *, seed: int = 3) -> list[Scene]:
    """Returns scenes of the built-in corpus, spread over objects."""
    found = [scene for scene in scenes(CorpusConfig()) if scene.kind == "strike"]
    chosen = np.random.default_rng(seed).permutation(len(found))[:count]
    return [found[int(index)] for index in chosen]


def scene_with(scene: Scene, *, rate_hz: float = 1.5, level_db: float = -15.0, distance_m: float = 1.5) -> Scene:
    """Returns the same object, struck regularly at a rate, level and distance."""
    times = tuple(float(t) for t in np.round(0.3 + np.arange(int(7 * rate_hz)) / rate_hz, 4))
    strength = 10 ** (level_db / 20)
    return dataclasses.replace(
        scene,
        rate_hz=rate_hz,
        level_db=level_db,
        distance_m=distance_m,
        event_times_s=times,
        strengths=(strength,) * len(times),
    )


__all__ = ["RATE_HZ", "bursts", "noise", "scene_audio", "scene_with", "strike_scenes"]
