"""Sounds with labels for the judge `corpus-cnn`: scenes of the built-in corpus, and general sounds.

Legend: T samples. What a scene is split into (train, test) goes by object, so no object of the test was heard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from scipy.interpolate import interp1d

from model.judges.corpus_cnn_file import SoundClass
from model.judges.corpus_cnn_levels import RATE_HZ
from tasks.commands.train_codec.general_sounds import sound_of
from tasks.corpus.builtin import scene_audio
from tasks.corpus.materials import MATERIALS
from tasks.corpus.scene import DURATION_S, STRIKE, Scene
from tasks.corpus.textures import TEXTURES
from tasks.media.samples import Samples

NONE: Final = "none"
GENERAL: Final = {
    "noise": ("noise", ("noise", "coloured")),
    "chirp": ("sweeping tone", ("chirp",)),
    "harmonic": ("steady tone", ("harmonic",)),
    "clicks": ("clicks", ("clicks",)),
    "modes": ("ringing of an unknown object", ("modes",)),
    "formants": ("voice-like buzz", ("formants",)),
}
"""Kind of a general sound -> its name in words, and the makers of `general_sounds` that it is made by."""
CLASSES: Final = (
    *(SoundClass(name=f"strike on {m.adjective} object", kind=STRIKE, material=m.name) for m in MATERIALS.values()),
    *(SoundClass(name=texture.noun, kind=kind, material=NONE) for kind, texture in TEXTURES.items()),
    *(SoundClass(name=name, kind=kind, material=NONE) for kind, (name, _) in GENERAL.items()),
)
_NUMBERS: Final = {(one.kind, one.material): number for number, one in enumerate(CLASSES)}
_ALIKE: Final = ("rain", "wind")  # their objects differ in nothing
_LATEST_S: Final = 0.05  # an event that starts later in a crop is hardly heard in it
_SILENT: Final = 1e-4
_CHANGED_SHARE: Final = 0.4
_EQ_DB: Final = 5.0
_NOISE_DB: Final = (-65.0, -30.0)  # relative to the peak


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledSound:
    """Audio (T,) and what is known of it; None is unknown. `identity` is equal for scenes of one object."""

    audio_T: Samples  # noqa: N815 (shape suffix)
    label: int
    identity: str
    times_s: tuple[float, ...] | None = None
    pitch_hz: float | None = None
    distance_m: float | None = None


def label_of(kind: str, material: str = NONE) -> int:
    """Returns the number of a class in `CLASSES`."""
    return _NUMBERS[kind, material]


def scene_sound(scene: Scene, length: int, rng: np.random.Generator) -> LabelledSound:
    """Returns a crop of a scene's audio; of one with events, a crop that has at least one. `length` is at most 8 s."""
    start = _start(scene, length, rng)
    end_s = (start + length) / RATE_HZ - _LATEST_S
    times_s = tuple(t - start / RATE_HZ for t in scene.event_times_s if start / RATE_HZ - 1e-9 <= t < end_s)
    is_strike = scene.kind == STRIKE
    return LabelledSound(
        audio_T=_rendered(scene)[start : start + length],
        label=label_of(scene.kind, scene.material),
        identity=scene.kind if scene.kind in _ALIKE else scene.group_id,
        times_s=times_s,
        pitch_hz=MATERIALS[scene.material].pitch_hz(scene.size) if is_strike else None,
        distance_m=scene.distance_m if is_strike else None,
    )


def general_sound(kind: str, length: int, rng: np.random.Generator) -> LabelledSound:
    """Returns a general sound of a kind, a name of `GENERAL`: nothing but its kind is known. It is never silent."""
    _, makers = GENERAL[kind]
    while True:
        audio_T = sound_of(str(rng.choice(makers)), length, rng)
        if (peak := float(np.max(np.abs(audio_T)))) > _SILENT:  # what starts at the very end is silence
            return LabelledSound(audio_T=(audio_T / peak).astype(np.float32), label=label_of(kind), identity=kind)


def changed(audio_T: Samples, rng: np.random.Generator) -> Samples:
    """Returns audio with another recording's frequency response and noise floor, or, more often, as it is."""
    audio_T = audio_T / np.float32(np.max(np.abs(audio_T)) + 1e-9)
    if rng.random() < _CHANGED_SHARE:
        spectrum = np.fft.rfft(audio_T)
        knots = int(rng.integers(3, 7))
        curve_db = interp1d(np.linspace(0, 1, knots), rng.uniform(-_EQ_DB, _EQ_DB, knots))
        gains = 10 ** (curve_db(np.sqrt(np.linspace(0, 1, len(spectrum)))) / 20)
        audio_T = np.fft.irfft(spectrum * gains, len(audio_T)).astype(np.float32)
    if rng.random() < _CHANGED_SHARE:
        noise_T = rng.standard_normal(len(audio_T), np.float32)
        audio_T = audio_T + noise_T * np.float32(10 ** (rng.uniform(*_NOISE_DB) / 20))
    return audio_T


def object_pairs(scenes: Sequence[Scene]) -> list[tuple[Scene, Scene]]:
    """Returns the two scenes of each object that has two."""
    groups: dict[str, list[Scene]] = {}
    for scene in scenes:
        groups.setdefault(scene.group_id, []).append(scene)
    return [(group[0], group[1]) for group in groups.values() if len(group) > 1]


@lru_cache(maxsize=64)
def _rendered(scene: Scene) -> Samples:
    """Returns a scene's audio; the latest ones are kept, because training crops each in two steps."""
    return scene_audio(scene)


def _start(scene: Scene, length: int, rng: np.random.Generator) -> int:
    last = round(DURATION_S * RATE_HZ) - length
    if not scene.event_times_s:
        return int(rng.integers(0, last + 1))
    at = round(float(rng.choice(scene.event_times_s)) * RATE_HZ)
    return min(last, max(0, at - int(rng.integers(0, int(0.9 * length)))))
