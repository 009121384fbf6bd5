"""Textures: the scene's level, events at the scene's times, one pitch per object, and kinds that differ."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tasks.corpus.modal import RATE_HZ, gain
from tasks.corpus.scene import Scene
from tasks.corpus.textures import TEXTURES, render_texture
from tests.tasks.corpus.measures import centroid_hz, level_db, texture_scene

WHOLE = [kind for kind, texture in TEXTURES.items() if texture.whole is not None]
EVENTS = [kind for kind, texture in TEXTURES.items() if texture.event is not None]
each_texture = pytest.mark.parametrize("kind", TEXTURES)


def dry(scene: Scene, seed: int = 0) -> np.ndarray:
    return render_texture(scene, np.random.default_rng(seed))


def strongest_hz(audio_T: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(audio_T))) * RATE_HZ / len(audio_T))


def test_a_texture_is_made_whole_or_event_by_event() -> None:
    assert sorted(WHOLE + EVENTS) == sorted(TEXTURES)


@each_texture
def test_audio_is_8_s_and_depends_on_scene_and_generator_alone(kind: str) -> None:
    scene = texture_scene(kind)
    audio_T = dry(scene)
    assert audio_T.shape == (8 * RATE_HZ,) and audio_T.dtype == np.float32
    np.testing.assert_array_equal(audio_T, dry(scene))


@each_texture
def test_the_peak_follows_the_level_of_the_scene(kind: str) -> None:
    scene = texture_scene(kind)
    strengths = tuple(gain(-20.0) for _ in scene.event_times_s)
    for level_change_db in (0.0, -12.0):
        moved = dataclasses.replace(
            scene,
            level_db=-20.0 + level_change_db,
            strengths=tuple(strength * gain(level_change_db) for strength in strengths),
        )
        peak_db = 20 * np.log10(np.max(np.abs(dry(moved))))
        assert peak_db == pytest.approx(-20.0 + level_change_db, abs=0.1)


@pytest.mark.parametrize("kind", WHOLE)
def test_continuous_textures_never_pause(kind: str) -> None:
    seconds = dry(texture_scene(kind)).reshape(8, -1)
    levels = [level_db(second) for second in seconds]
    assert max(levels) - min(levels) < 12


@pytest.mark.parametrize("kind", EVENTS)
def test_events_start_at_the_times_of_the_scene_and_are_short(kind: str) -> None:
    scene = dataclasses.replace(texture_scene(kind), event_times_s=(1.0, 2.5, 6.0), strengths=(0.5, 0.1, 0.3))
    audio_T = dry(scene)
    active = np.flatnonzero(np.abs(audio_T) > 1e-4) / RATE_HZ
    starts = active[np.flatnonzero(np.diff(active, prepend=-1) > 0.2)]
    np.testing.assert_allclose(starts, scene.event_times_s, atol=0.005)
    peaks = [np.max(np.abs(audio_T[round(t * RATE_HZ) : round((t + 0.2) * RATE_HZ)])) for t in scene.event_times_s]
    np.testing.assert_allclose(peaks, scene.strengths, rtol=1e-4)
    assert np.mean(np.abs(audio_T) > 1e-4) < 3 * 0.13 / 8


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_at_the_very_end_is_cut_there(kind: str) -> None:
    scene = dataclasses.replace(texture_scene(kind), event_times_s=(7.99,), strengths=(0.5,))
    audio_T = dry(scene)
    assert len(audio_T) == 8 * RATE_HZ and audio_T[round(7.99 * RATE_HZ) :].any()


def test_a_scene_without_events_is_silent() -> None:
    assert not dry(dataclasses.replace(texture_scene("clock"), event_times_s=(), strengths=())).any()


@pytest.mark.parametrize(("kind", "low_hz", "high_hz"), [("beeps", 880, 1375), ("engine", 45, 2000)])
def test_the_pitch_belongs_to_the_object(kind: str, low_hz: float, high_hz: float) -> None:
    """Scenes of one group share it, whatever else differs; other groups have another."""
    scene = texture_scene(kind)
    pitches = [
        strongest_hz(dry(dataclasses.replace(scene, object_seed=object_seed), seed))
        for object_seed, seed in ((1, 1), (1, 2), (2, 1))
    ]
    assert pitches[0] == pytest.approx(pitches[1], rel=0.02)
    assert all(low_hz <= pitch <= high_hz for pitch in pitches)
    other = centroid_hz(dry(dataclasses.replace(scene, object_seed=2)))
    assert abs(other / centroid_hz(dry(dataclasses.replace(scene, object_seed=1))) - 1) > 0.02


def test_kinds_lie_apart_in_the_spectrum() -> None:
    centroids = {kind: centroid_hz(dry(texture_scene(kind))) for kind in TEXTURES}
    assert centroids["wind"] < 800 < centroids["rain"]
    assert centroids["engine"] < centroids["rain"]
    assert centroids["drips"] < centroids["clock"]


def test_the_level_of_wind_changes_more_than_that_of_rain() -> None:
    spread = {
        kind: np.std([level_db(w) for w in dry(texture_scene(kind)).reshape(16, -1)]) for kind in ("wind", "rain")
    }
    assert spread["wind"] > 1.3 * spread["rain"]
