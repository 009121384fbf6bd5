"""Sounds for the laws of the scorers."""

import dataclasses

import numpy as np

from tasks.corpus.builtin import scene_audio, scenes
from tasks.corpus.config import CorpusConfig

RATE_HZ = 16000


def bursts(times_s, *, duration_s=8.0, level=0.3, decay_s=0.03, rate_hz=RATE_HZ, seed=0):
    """Decaying noise bursts at known times."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(round(duration_s * rate_hz) + rate_hz)
    clock = np.arange(rate_hz // 4) / rate_hz
    for time in times_s:
        start = round(time * rate_hz)
        sound[start : start + len(clock)] += level * rng.standard_normal(len(clock)) * np.exp(-clock / decay_s)
    return sound[: round(duration_s * rate_hz)].astype(np.float32)


def noise(duration_s=8.0, level=0.1, seed=0, rate_hz=RATE_HZ):
    return (level * np.random.default_rng(seed).standard_normal(round(duration_s * rate_hz))).astype(np.float32)


def strike_scenes(count, *, seed=3):
    """Scenes of the built-in corpus, spread over objects."""
    found = [scene for scene in scenes(CorpusConfig()) if scene.kind == "strike"]
    chosen = np.random.default_rng(seed).permutation(len(found))[:count]
    return [found[int(index)] for index in chosen]


def scene_with(scene, *, rate_hz=1.5, level_db=-15.0, distance_m=1.5):
    """The same object, struck regularly at a rate, level and distance."""
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
