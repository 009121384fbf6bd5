"""Labelled sounds: what is said of a crop is true of it; general sounds are never silent; classes are complete."""

from __future__ import annotations

import numpy as np
import pytest

from model.judges.corpus_cnn_levels import RATE_HZ
from tasks.commands.train_judge.sounds import (
    CLASSES,
    GENERAL,
    changed,
    general_sound,
    label_of,
    object_pairs,
    scene_sound,
)
from tasks.corpus.builtin import scene_audio
from tasks.corpus.materials import MATERIALS
from tasks.corpus.scene import STRIKE, Scene
from tasks.corpus.scenes import make_scenes
from tasks.corpus.textures import TEXTURES

SCENES = [*make_scenes(12, has_video=True, seed=3), *make_scenes(60, has_video=False, seed=3)]
STRIKES = [scene for scene in SCENES if scene.kind == STRIKE]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_every_material_texture_and_general_kind_has_one_class() -> None:
    pairs = [(one.kind, one.material) for one in CLASSES]
    assert len(set(pairs)) == len(pairs) == len({one.name for one in CLASSES})
    expected = {*((STRIKE, name) for name in MATERIALS), *((kind, "none") for kind in (*TEXTURES, *GENERAL))}
    assert set(pairs) == expected
    assert all(CLASSES[label_of(*pair)].kind == pair[0] for pair in pairs)


@pytest.mark.parametrize("scene", STRIKES[:6], ids=lambda scene: scene.scene_id)
def test_a_crop_is_the_scene_from_where_its_events_say(scene: Scene) -> None:
    length = 2 * RATE_HZ
    sound = scene_sound(scene, length, rng(1))
    assert sound.times_s and all(-1e-6 <= time < 2 for time in sound.times_s)
    starts = [round((time - sound.times_s[0]) * RATE_HZ) for time in scene.event_times_s]
    whole = scene_audio(scene)
    found = [start for start in starts if start >= 0 and np.array_equal(whole[start : start + length], sound.audio_T)]
    assert len(found) == 1
    start_s = found[0] / RATE_HZ
    expected = [time - start_s for time in scene.event_times_s if start_s - 1e-6 <= time < start_s + 1.95]
    assert np.allclose(sound.times_s, expected, atol=1e-4)


def test_a_whole_scene_is_itself_with_all_its_events() -> None:
    scene = STRIKES[0]
    sound = scene_sound(scene, 8 * RATE_HZ, rng())
    assert np.array_equal(sound.audio_T, scene_audio(scene)) and sound.times_s == scene.event_times_s
    assert sound.pitch_hz == MATERIALS[scene.material].pitch_hz(scene.size) and sound.distance_m == scene.distance_m


def test_textures_have_no_pitch_and_rain_is_like_rain() -> None:
    textures = [scene for scene in SCENES if scene.kind != STRIKE]
    assert textures
    for scene in textures:
        sound = scene_sound(scene, RATE_HZ, rng())
        assert sound.pitch_hz is None and sound.distance_m is None
        assert sound.identity == (scene.kind if scene.kind in ("rain", "wind") else scene.group_id)
        assert bool(sound.times_s) == bool(scene.event_times_s)


@pytest.mark.parametrize("kind", GENERAL)
def test_general_sounds_are_audible_and_unknown_but_for_their_kind(kind: str) -> None:
    for seed in range(8):
        sound = general_sound(kind, RATE_HZ // 2, rng(seed))
        assert np.abs(sound.audio_T).max() == pytest.approx(1) and sound.audio_T.dtype == np.float32
        assert (sound.label, sound.identity) == (label_of(kind), kind)
        assert sound.times_s is sound.pitch_hz is sound.distance_m is None


def test_a_change_keeps_length_and_what_is_heard() -> None:
    audio_T = scene_audio(STRIKES[0])[:RATE_HZ]
    outcomes = [changed(audio_T, rng(seed)) for seed in range(20)]
    assert all(len(out) == len(audio_T) and out.dtype == np.float32 and np.isfinite(out).all() for out in outcomes)
    likeness = [np.corrcoef(out, audio_T)[0, 1] for out in outcomes]
    assert min(likeness) > 0.7 and max(likeness) == pytest.approx(1)
    assert not np.abs(changed(np.zeros(8000, np.float32), rng(3))).max() > 0.2


def test_pairs_are_two_scenes_of_one_object() -> None:
    pairs = object_pairs(SCENES)
    assert len(pairs) == len(SCENES) // 2
    assert all(one.group_id == two.group_id and one.scene_id != two.scene_id for one, two in pairs)
    assert object_pairs(SCENES[:1]) == []
