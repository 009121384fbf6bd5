"""Audio that is no strike, so that text-to-audio is not strikes alone: rain, wind, an engine, beeps, a clock, drips.

Legend: T samples at 16 kHz. Levels are peak levels as for strikes, at 1 m, before the room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from tasks.corpus.modal import RATE_HZ, Wide, filtered, gain
from tasks.corpus.scene import DURATION_S, Scene
from tasks.media.samples import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Texture:
    """How a texture is described, and how it is made: all at once (`whole`), or one `event` after the other.

    `captions` are sentences that an adverb may follow; `noun` follows "a faint". A whole texture is made for a scene
    at any level, an event for a pitch factor.
    """

    captions: tuple[str, ...]
    noun: str
    whole: Callable[[Scene, np.random.Generator], Wide] | None = None
    event: Callable[[float, np.random.Generator], Wide] | None = None


def render_texture(scene: Scene, rng: np.random.Generator) -> Samples:
    """Returns the dry audio (T,) of a texture scene at the scene's level."""
    texture = TEXTURES[scene.kind]
    if texture.whole is not None:
        dry_T = texture.whole(scene, rng)
        return (dry_T / np.max(np.abs(dry_T)) * gain(scene.level_db)).astype(np.float32)
    assert texture.event is not None  # it has one of the two
    return _render_events(scene, texture.event, rng)


def _render_events(
    scene: Scene, event: Callable[[float, np.random.Generator], Wide], rng: np.random.Generator
) -> Samples:
    dry_T = np.zeros(round(DURATION_S * RATE_HZ), np.float32)
    pitch = float(np.random.default_rng(scene.object_seed).uniform(0.8, 1.25))
    for time_s, strength in zip(scene.event_times_s, scene.strengths, strict=True):
        start = round(time_s * RATE_HZ)
        event_T = event(pitch, rng)[: len(dry_T) - start]
        dry_T[start : start + len(event_T)] += (strength * event_T / np.max(np.abs(event_T))).astype(np.float32)
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


def _rain(_: Scene, rng: np.random.Generator) -> Wide:
    total = round(DURATION_S * RATE_HZ)
    hiss_T = _band(rng.standard_normal(total), (900, 6500))
    drops_T = np.where(rng.random(total) < 0.004, rng.exponential(6.0, total), 0.0)
    return hiss_T + _band(drops_T * rng.standard_normal(total), (500, 5000)) * 2


def _wind(_: Scene, rng: np.random.Generator) -> Wide:
    total = round(DURATION_S * RATE_HZ)
    gusts_T = np.interp(np.arange(total), np.linspace(0, total, 12), rng.uniform(0.35, 1.0, 12))
    return _band(rng.standard_normal(total), (120, 700)) * gusts_T


def _engine(scene: Scene, rng: np.random.Generator) -> Wide:
    t_T = np.arange(round(DURATION_S * RATE_HZ)) / RATE_HZ
    f0_hz = float(np.random.default_rng(scene.object_seed).uniform(45, 110))
    phase_T = 2 * np.pi * f0_hz * (t_T + 0.002 * np.sin(2 * np.pi * 0.7 * t_T))
    hum_T = np.sum([np.sin(k * phase_T + rng.uniform(0, 6.28)) / k**0.8 for k in range(1, 14)], axis=0)
    return hum_T + 0.4 * _band(rng.standard_normal(len(t_T)), (200, 1800))


def _band(noise_T: Wide, band_hz: tuple[int, int]) -> Wide:
    return filtered(noise_T, band_hz, order=2)


TEXTURES: Final = {
    "rain": Texture(
        captions=("Rain falls", "Rain is falling", "Rain patters on a roof"),
        noun="rain",
        whole=_rain,
    ),
    "wind": Texture(
        captions=("Wind blows", "The wind is blowing"),
        noun="wind",
        whole=_wind,
    ),
    "engine": Texture(
        captions=("An engine hums", "A machine is humming", "A motor runs"),
        noun="hum of an engine",
        whole=_engine,
    ),
    "beeps": Texture(
        captions=("An alarm beeps", "A device is beeping", "Something beeps"),
        noun="beeping",
        event=_beep,
    ),
    "clock": Texture(
        captions=("A clock ticks", "A clock is ticking"),
        noun="ticking of a clock",
        event=_tick,
    ),
    "drips": Texture(
        captions=("Water drips", "A tap is dripping"),
        noun="dripping of water",
        event=_drip,
    ),
}
