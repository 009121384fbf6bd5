"""Sounds that are no strikes, so that text-to-audio is not strikes alone: rain, wind, an engine, beeps, a clock, drips.

Legend: T samples at 16 kHz. Levels are peak levels as for strikes; the sound at 1 m, before the room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from tasks.corpus.modal import RATE_HZ, gain
from tasks.corpus.scenes import DURATION_S, Scene
from tasks.media.samples import Samples

Wide = npt.NDArray[np.float64]


def render_texture(scene: Scene, rng: np.random.Generator) -> Samples:
    """Returns the dry sound (T,) of a texture scene, its level as the scene says."""
    return _CONTINUOUS[scene.kind](scene, rng) if scene.kind in _CONTINUOUS else _events(scene, rng)


def _events(scene: Scene, rng: np.random.Generator) -> Samples:
    dry_T = np.zeros(round(DURATION_S * RATE_HZ), np.float32)
    make = _EVENTS[scene.kind]
    pitch = float(np.random.default_rng(scene.object_seed).uniform(0.8, 1.25))
    for time_s, strength in zip(scene.event_times_s, scene.strengths, strict=True):
        start = round(time_s * RATE_HZ)
        sound_T = make(pitch, rng)[: len(dry_T) - start]
        dry_T[start : start + len(sound_T)] += (strength * sound_T / np.max(np.abs(sound_T))).astype(np.float32)
    return dry_T


def _beep(pitch: float, _: np.random.Generator) -> Wide:
    t_T = np.arange(int(0.09 * RATE_HZ)) / RATE_HZ
    edge_T = np.minimum(1, np.minimum(t_T, t_T[::-1]) / 0.003)
    return np.sin(2 * np.pi * 1100 * pitch * t_T) * edge_T


def _tick(pitch: float, rng: np.random.Generator) -> Wide:
    t_T = np.arange(int(0.05 * RATE_HZ)) / RATE_HZ
    click_T = rng.standard_normal(len(t_T)) * np.exp(-t_T / 0.002)
    return 0.4 * click_T + np.sin(2 * np.pi * 2400 * pitch * t_T) * np.exp(-t_T / 0.006)


def _drip(pitch: float, rng: np.random.Generator) -> Wide:
    t_T = np.arange(int(0.12 * RATE_HZ)) / RATE_HZ
    frequency_T = 700 * pitch * rng.uniform(0.9, 1.1) * (1 + 1.2 * t_T / 0.12)
    return np.sin(2 * np.pi * np.cumsum(frequency_T) / RATE_HZ) * np.exp(-t_T / 0.025) * np.minimum(1, t_T / 0.001)


def _rain(scene: Scene, rng: np.random.Generator) -> Samples:
    total = round(DURATION_S * RATE_HZ)
    hiss_T = _band(rng.standard_normal(total), (900, 6500))
    drops_T = np.where(rng.random(total) < 0.004, rng.exponential(6.0, total), 0.0)
    return _level(hiss_T + _band(drops_T * rng.standard_normal(total), (500, 5000)) * 2, scene)


def _wind(scene: Scene, rng: np.random.Generator) -> Samples:
    total = round(DURATION_S * RATE_HZ)
    gusts_T = np.interp(np.arange(total), np.linspace(0, total, 12), rng.uniform(0.35, 1.0, 12))
    return _level(_band(rng.standard_normal(total), (120, 700)) * gusts_T, scene)


def _engine(scene: Scene, rng: np.random.Generator) -> Samples:
    t_T = np.arange(round(DURATION_S * RATE_HZ)) / RATE_HZ
    f0_hz = float(np.random.default_rng(scene.object_seed).uniform(45, 110))
    phase_T = 2 * np.pi * f0_hz * (t_T + 0.002 * np.sin(2 * np.pi * 0.7 * t_T))
    hum_T = np.sum([np.sin(k * phase_T + rng.uniform(0, 6.28)) / k**0.8 for k in range(1, 14)], axis=0)
    return _level(hum_T + 0.4 * _band(rng.standard_normal(len(t_T)), (200, 1800)), scene)


def _band(noise_T: Wide, band_hz: tuple[int, int]) -> Wide:
    return np.asarray(sosfilt(butter(2, band_hz, btype="band", fs=RATE_HZ, output="sos"), noise_T))


def _level(sound_T: Wide, scene: Scene) -> Samples:
    return (sound_T / np.max(np.abs(sound_T)) * gain(scene.level_db)).astype(np.float32)


_CONTINUOUS: Final[dict[str, Callable[[Scene, np.random.Generator], Samples]]] = {
    "rain": _rain,
    "wind": _wind,
    "engine": _engine,
}
_EVENTS: Final[dict[str, Callable[[float, np.random.Generator], Wide]]] = {
    "beeps": _beep,
    "clock": _tick,
    "drips": _drip,
}
