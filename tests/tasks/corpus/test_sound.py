"""Laws of the built-in corpus's sound: events where the scene says, levels and distances as claimed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from tasks.corpus.builtin import scene_sound
from tasks.corpus.materials import MATERIALS
from tasks.corpus.modal import RATE_HZ, at_distance, make_body, render_strikes, strike_sound
from tasks.corpus.scenes import Scene, make_scenes
from tasks.corpus.textures import render_texture


def onset_after(sound_T: np.ndarray, event_s: float) -> float:
    """Returns when the 2 ms energy first jumps near an event: 25 % of the way to its local maximum."""
    step = RATE_HZ // 500
    start = max(0, round((event_s - 0.03) * RATE_HZ))
    frames = sound_T[start : start + 40 * step]
    energy = np.sqrt(np.mean(frames[: len(frames) // step * step].reshape(-1, step) ** 2, axis=1))
    before = float(energy[:10].mean())
    above = np.flatnonzero(energy > before + 0.25 * (energy[10:25].max() - before))
    return (start + int(above[above >= 8][0]) * step) / RATE_HZ


def strikes(count: int = 24) -> list[Scene]:
    return make_scenes(count, has_video=True, seed=5)


@pytest.mark.parametrize("scene", strikes(32)[::4], ids=lambda scene: scene.material)
def test_events_are_heard_where_the_scene_says(scene: Scene) -> None:
    sound_T = scene_sound(scene)
    errors = [abs(onset_after(sound_T, event_s) - event_s) for event_s in scene.event_times_s]
    assert np.median(errors) < 0.005
    assert np.mean(np.asarray(errors) < 0.010) > 0.95


@pytest.mark.parametrize("material", MATERIALS.values(), ids=lambda m: m.name)
def test_far_is_quieter_duller_and_more_reverberant_than_near(material) -> None:
    rng = np.random.default_rng(0)
    body = make_body(material, rng)
    dry_T = render_strikes(body, [0.5, 2.5], [0.2, 0.2], 4.0, rng)
    near_T, far_T = (at_distance(dry_T, metres, np.random.default_rng(1)) for metres in (0.7, 9.0))
    assert level_db(far_T) < level_db(near_T) - 6
    assert treble_share(far_T) < 0.7 * treble_share(near_T)
    late = slice(round(0.62 * RATE_HZ), round(0.9 * RATE_HZ))
    if material.t60_s[1] < 0.3:  # a long ring hides the room's tail
        assert tail_share(far_T, late) > 2 * tail_share(near_T, late)


def test_loud_scenes_are_louder_than_quiet_ones_of_the_same_object() -> None:
    scenes = make_scenes(224, has_video=True, seed=11)
    peaks: dict[str | None, list[float]] = {"loud": [], None: [], "quiet": []}
    for scene in scenes[::2]:
        if scene.distance is None:
            peaks[scene.volume].append(20 * np.log10(np.max(np.abs(scene_sound(scene)))))
    assert min(peaks["loud"]) > max(peaks["quiet"]) + 12  # level is kept, nothing normalises it away
    assert np.median(peaks["loud"]) > np.median(peaks[None]) + 6 > np.median(peaks["quiet"]) + 12


def test_strikes_start_at_once_and_have_unit_peak() -> None:
    rng = np.random.default_rng(3)
    for material in MATERIALS.values():
        sound_T = strike_sound(make_body(material, rng), rng)
        assert np.max(np.abs(sound_T)) == pytest.approx(1.0, abs=1e-5)
        assert np.sum(sound_T[: RATE_HZ // 20] ** 2) > 0.1 * np.sum(sound_T**2)
        assert np.abs(sound_T[-100:]).max() < 0.05


def test_materials_sound_different() -> None:
    """Metal rings on, wood and cardboard do not; a drum is the lowest."""
    rng = np.random.default_rng(4)
    sounds = {name: strike_sound(make_body(m, rng), rng) for name, m in MATERIALS.items()}
    ring = {name: tail_share(s, slice(RATE_HZ // 8, RATE_HZ)) for name, s in sounds.items()}
    assert ring["metal"] > 5 * ring["wood"]
    assert ring["metal"] > 5 * ring["cardboard"]
    assert min(sounds, key=lambda name: centroid_hz(sounds[name])) in ("skin", "cardboard")


def test_textures_have_the_level_of_the_scene() -> None:
    kinds = {}
    for scene in make_scenes(400, has_video=False, seed=2):
        if scene.kind != "strike":
            kinds.setdefault(scene.kind, scene)
    assert len(kinds) >= 4
    for scene in kinds.values():
        sound_T = render_texture(scene, np.random.default_rng(0))
        assert len(sound_T) == 8 * RATE_HZ
        assert abs(20 * np.log10(np.max(np.abs(sound_T))) - scene.level_db) < 4


def test_sound_depends_on_the_scene_only() -> None:
    scene = strikes()[3]
    assert np.array_equal(scene_sound(scene), scene_sound(Scene.from_dict(scene.to_dict())))


def level_db(sound_T: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(sound_T**2)))


def centroid_hz(sound_T: np.ndarray) -> float:
    frequencies, power = welch(sound_T, RATE_HZ, nperseg=min(2048, len(sound_T)))
    return float(np.sum(frequencies * power) / np.sum(power))


def treble_share(sound_T: np.ndarray) -> float:
    frequencies, power = welch(sound_T, RATE_HZ, nperseg=2048)
    return float(np.sum(power[frequencies > 3000]) / np.sum(power))


def tail_share(sound_T: np.ndarray, part: slice) -> float:
    return float(np.sum(sound_T[part] ** 2) / np.sum(sound_T**2))
