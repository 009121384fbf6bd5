"""Confounds: a lag moves the audio, a distractor the picture; each leaves everything else of a scene alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from tasks.corpus.builtin import render, scene_audio, scenes
from tasks.corpus.config import CorpusConfig
from tasks.corpus.confounds import LAG_MS, Confounds
from tasks.corpus.drawing import FPS, draw_scene
from tasks.corpus.modal import RATE_HZ
from tasks.corpus.scene import DURATION_S, Scene
from tasks.corpus.scenes import make_scenes
from tests.tasks.corpus.measures import centroid_hz, level_db, onset_after

PLAIN = make_scenes(300, has_video=True, seed=5)
LAGGED = Confounds(lag_share=1.0)
DISTRACTED = Confounds(distractor_share=1.0)
OFF_SCREEN = Confounds(off_screen_share=1.0)
each_scene = pytest.mark.parametrize("scene", PLAIN[::75], ids=lambda scene: scene.material)


def changed(before: Scene, after: Scene) -> set[str]:
    """Returns the names of the fields that differ."""
    names = [field.name for field in dataclasses.fields(Scene)]
    return {name for name in names if getattr(before, name) != getattr(after, name)}


def test_the_default_corpus_has_none() -> None:
    for scene in scenes(CorpusConfig()):
        known = scene.attributes()
        assert (known["lag_ms"], known["distractor"], known["off_screen"]) == (0, False, None)
        assert scene.video_times_s == scene.event_times_s


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("lag_share", {"lag_ms", "event_times_s"}),
        ("distractor_share", {"distractor_times_s"}),
        ("off_screen_share", {"off_screen", "off_screen_times_s"}),
    ],
)
def test_a_share_of_the_videos_gets_it_and_a_larger_share_keeps_them(name: str, fields: set[str]) -> None:
    chosen: list[set[str]] = []
    for share in (0.0, 0.3, 0.6, 1.0):
        found = scenes(CorpusConfig(video_clips=300, audio_clips=20, seed=5, **{name: share}))
        assert found[300:] == make_scenes(20, has_video=False, seed=5)
        differing = {a.scene_id: changed(a, b) for a, b in zip(PLAIN, found[:300], strict=True) if a != b}
        assert all(names == fields for names in differing.values())
        assert len(differing) / 300 == pytest.approx(share, abs=0.08)
        chosen.append(set(differing))
    assert chosen[0] <= chosen[1] <= chosen[2] <= chosen[3]


def test_lags_are_constant_in_a_video_and_differ_between_videos() -> None:
    lagged = [LAGGED.applied_to(scene) for scene in PLAIN]
    lags = {scene.lag_ms for scene in lagged}
    assert len(lags) > 60 and min(lags) >= LAG_MS[0] and max(lags) <= LAG_MS[1]
    for before, after in zip(PLAIN, lagged, strict=True):
        assert after.video_times_s == before.event_times_s
        shifts_ms = np.subtract(after.event_times_s, before.event_times_s) * 1000
        np.testing.assert_allclose(shifts_ms, after.lag_ms, atol=0.02)
        assert after.event_times_s[-1] < DURATION_S - 0.1 and len(after.strengths) == len(after.event_times_s)
        assert after.attributes()["lag_ms"] == after.lag_ms


@each_scene
def test_a_lag_moves_the_audio_and_not_the_picture(scene: Scene) -> None:
    late = LAGGED.applied_to(scene)
    np.testing.assert_array_equal(draw_scene(scene), draw_scene(late))
    audio_T = scene_audio(late)
    errors = [abs(onset_after(audio_T, event_s) - event_s) for event_s in late.event_times_s]
    assert np.median(errors) < 0.005
    assert np.median([onset_after(audio_T, s) for s in late.event_times_s]) > np.median(scene.event_times_s) + 0.1


@each_scene
def test_a_distractor_moves_in_the_picture_without_a_sound(scene: Scene) -> None:
    moved = DISTRACTED.applied_to(scene)
    np.testing.assert_array_equal(scene_audio(scene), scene_audio(moved))
    before, after = draw_scene(scene).astype(int), draw_scene(moved).astype(int)
    np.testing.assert_array_equal(before[:, :, :90], after[:, :, :90])  # the struck object is left of it
    ball = np.abs(after - before).sum(axis=3)
    assert ball.max() > 60
    rows = [int(np.flatnonzero(frame.max(axis=1) > 60).max(initial=0)) for frame in ball]
    dip_s = [s for s in moved.distractor_times_s if s > 0.3]
    lowest = [max(rows[max(0, round(s * FPS) - 1) : round(s * FPS) + 2]) for s in dip_s]
    assert min(lowest) > np.median(rows) and max(rows) < 100  # it dips, and never reaches the floor


@each_scene
def test_an_off_screen_source_is_heard_and_not_seen(scene: Scene) -> None:
    joined = OFF_SCREEN.applied_to(scene)
    assert joined.off_screen != scene.material and joined.event_times_s == scene.event_times_s
    np.testing.assert_array_equal(draw_scene(scene), draw_scene(joined))
    own_T, both_T = scene_audio(scene), scene_audio(joined)
    second_T = both_T - own_T
    assert np.abs(both_T).max() <= 0.97 + 1e-6
    assert level_db(second_T) < level_db(own_T) - 6
    assert level_db(second_T) > -80
    first_s = next(s for s in joined.off_screen_times_s if min(abs(s - t) for t in scene.event_times_s) > 0)
    start = round(first_s * RATE_HZ)
    assert level_db(second_T[start : start + 400]) > level_db(second_T[max(0, start - 400) : start])


def test_off_screen_sources_sound_like_their_own_material() -> None:
    scene = next(scene for scene in PLAIN if scene.material == "skin")
    centroids = {}
    for material in ("cardboard", "stone"):
        joined = dataclasses.replace(scene, off_screen=material, off_screen_times_s=(1.0, 3.0))
        centroids[material] = centroid_hz(scene_audio(joined) - scene_audio(scene))
    assert centroids["stone"] > 2 * centroids["cardboard"]


def test_scenes_without_video_have_no_confounds() -> None:
    everything = Confounds(lag_share=1.0, distractor_share=1.0, off_screen_share=1.0)
    audio = make_scenes(20, has_video=False, seed=5)
    assert make_scenes(20, has_video=False, seed=5, confounds=everything) == audio


def test_confounded_scenes_survive_json_and_give_equal_bytes(tmp_path: Path) -> None:
    everything = Confounds(lag_share=1.0, distractor_share=1.0, off_screen_share=1.0)
    scene = everything.applied_to(PLAIN[0])
    files = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        made = render(Scene.from_dict(scene.to_dict()), tmp_path / name)
        assert made.video_path is not None and made.event_times_s == scene.event_times_s
        files.append((made.audio_path.read_bytes(), made.video_path.read_bytes()))
    assert files[0] == files[1]


@pytest.mark.parametrize("name", ["lag_share", "distractor_share", "off_screen_share"])
@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_shares_outside_0_to_1_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        CorpusConfig(**{name: value})
