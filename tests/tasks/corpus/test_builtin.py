"""The built-in corpus as files: events at the scene's times, levels and distances as claimed, equal bytes."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest

from tasks.corpus.builtin import render, scene_audio, scenes
from tasks.corpus.config import CorpusConfig
from tasks.corpus.drawing import FPS
from tasks.corpus.modal import RATE_HZ
from tasks.corpus.scene import Scene
from tasks.corpus.scenes import make_scenes
from tasks.media.audio import read_audio
from tasks.media.video import probe_video
from tests.tasks.corpus.measures import centroid_hz, corpus, energy_share, level_db, onset_after, scenes_with_video

STRIKES = make_scenes(32, has_video=True, seed=5)
SAMPLE = [*corpus()[::37], *(scene for scene in corpus() if scene.kind == "rain")]


def test_the_corpus_has_the_configured_scenes_with_video_first() -> None:
    found = scenes(CorpusConfig(video_clips=10, audio_clips=7, seed=1))
    assert [scene.has_video for scene in found] == [True] * 10 + [False] * 7
    assert len({scene.scene_id for scene in found}) == 17
    assert not {scene.group_id for scene in found[:10]} & {scene.group_id for scene in found[10:]}
    assert found != scenes(CorpusConfig(video_clips=10, audio_clips=7, seed=2))


@pytest.mark.parametrize("scene", SAMPLE, ids=lambda scene: scene.scene_id)
def test_audio_is_8_s_below_full_scale_and_never_digital_silence(scene: Scene) -> None:
    audio_T = scene_audio(scene)
    assert (audio_T.shape, audio_T.dtype) == ((8 * RATE_HZ,), np.float32)
    assert np.isfinite(audio_T).all() and np.max(np.abs(audio_T)) <= 0.97 + 1e-6
    windows = audio_T.reshape(80, -1)
    assert min(level_db(window) for window in windows) > -85  # room tone


@pytest.mark.parametrize("scene", STRIKES[::4], ids=lambda scene: scene.material)
def test_events_are_audible_at_the_times_of_the_scene(scene: Scene) -> None:
    audio_T = scene_audio(scene)
    errors = [abs(onset_after(audio_T, event_s) - event_s) for event_s in scene.event_times_s]
    assert np.median(errors) < 0.005
    assert np.mean(np.asarray(errors) < 0.010) > 0.95


def test_loud_scenes_are_louder_than_quiet_ones_at_one_distance() -> None:
    peaks: dict[str | None, list[float]] = {"loud": [], None: [], "quiet": []}
    for scene in make_scenes(224, has_video=True, seed=11)[::6]:
        if scene.distance is None:
            peaks[scene.volume].append(20 * np.log10(np.max(np.abs(scene_audio(scene)))))
    assert min(peaks["loud"]) > max(peaks["quiet"]) + 12  # the level is kept, nothing normalises it away
    assert np.median(peaks["loud"]) > np.median(peaks[None]) + 6 > np.median(peaks["quiet"]) + 12


def test_a_scene_moved_away_is_quieter_and_duller_at_the_same_times() -> None:
    for scene in STRIKES[:16:4]:
        near_T, far_T = (scene_audio(dataclasses.replace(scene, distance_m=metres)) for metres in (0.7, 9.0))
        assert level_db(far_T) < level_db(near_T) - 6
        assert centroid_hz(far_T) < centroid_hz(near_T)
        first_s = scene.event_times_s[0]
        assert onset_after(far_T, first_s) == pytest.approx(onset_after(near_T, first_s), abs=0.005)


def test_audio_depends_on_the_scene_alone() -> None:
    scene = STRIKES[3]
    assert np.array_equal(scene_audio(scene), scene_audio(Scene.from_dict(scene.to_dict())))
    assert not np.array_equal(scene_audio(scene), scene_audio(dataclasses.replace(scene, seed=scene.seed + 1)))


def test_the_object_of_a_group_has_one_spectrum_in_all_its_scenes() -> None:
    """The resonances belong to the object: another object of the same material has others."""
    scene = next(scene for scene in STRIKES if scene.material == "glass")

    def spectrum(object_seed: int, seed: int, size: float = 1.0) -> np.ndarray:
        struck = dataclasses.replace(scene, object_seed=object_seed, seed=seed, size=size, distance_m=0.7)
        audio_T = scene_audio(struck)
        power = np.abs(np.fft.rfft(audio_T)) ** 2
        bands = np.log(power[: len(power) // 200 * 200].reshape(200, -1).mean(axis=1))
        return bands - bands.mean()

    same, again, other = spectrum(1, 1), spectrum(1, 2), spectrum(2, 1, 1.2)
    assert np.corrcoef(same, again)[0, 1] > np.corrcoef(same, other)[0, 1] + 0.1


def test_overlapping_strikes_add_up_without_clipping() -> None:
    times = tuple(np.round(1 + np.arange(60) * 0.02, 3))
    loud = dataclasses.replace(
        STRIKES[0], event_times_s=times, strengths=(0.9,) * len(times), distance_m=0.6, material="metal"
    )
    audio_T = scene_audio(loud)
    assert np.max(np.abs(audio_T)) == pytest.approx(0.97, abs=1e-3)
    assert np.sum(np.abs(audio_T) > 0.9699) < 10  # scaled, not cut off
    assert energy_share(audio_T, 0, 0.99) < 1e-3


def test_rendering_gives_equal_bytes_and_the_facts_of_the_scene(tmp_path: Path) -> None:
    for scene in [*scenes_with_video()[:2], corpus()[-1]]:
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / "b").mkdir(exist_ok=True)
        one, two = render(scene, tmp_path / "a"), render(scene, tmp_path / "b")
        assert one.audio_path.read_bytes() == two.audio_path.read_bytes()
        assert (one.caption, one.split, one.group_id) == (scene.caption, scene.split, scene.group_id)
        assert one.event_times_s == (scene.event_times_s or None)
        assert json.loads(json.dumps(one.attributes)) == scene.attributes()
        assert (one.video_path is None) == (not scene.has_video)
        if one.video_path and two.video_path:
            assert one.video_path.read_bytes() == two.video_path.read_bytes()
            info = probe_video(one.video_path)
            assert (info.fps, info.width, info.has_audio) == (25.0, 128, False)
            assert info.duration_s == pytest.approx(8.0, abs=0.05)


def test_the_video_file_shows_each_strike_when_the_audio_file_has_it(tmp_path: Path) -> None:
    """Both files decoded again: the stick is lowest within a frame of the onset that the audio has."""
    scene = next(
        scene for scene in scenes_with_video() if scene.volume == "loud" and 4 <= len(scene.event_times_s) <= 10
    )
    rendered = render(scene, tmp_path)
    samples_T, _ = read_audio(rendered.audio_path)
    assert rendered.video_path is not None
    frames = decoded_frames(rendered.video_path)
    assert len(frames) == 200
    # Where the stick is raised most of the time, a frame with the stick down differs from the median frame.
    moved = np.abs(frames.astype(np.int16) - np.median(frames, axis=0).astype(np.int16)).sum(-1).max(2) > 90
    lowest = np.asarray([np.flatnonzero(rows).max(initial=0) for rows in moved], float)
    for event_s in scene.event_times_s:
        onset_s = onset_after(samples_T, event_s)
        first = max(0, round(onset_s * FPS) - 2)
        window = lowest[first : first + 5]
        best = first + np.flatnonzero(window >= window.max() - 0.5)
        assert np.min(np.abs(best / FPS - onset_s)) <= 1 / FPS


def decoded_frames(path: Path) -> np.ndarray:
    """Returns the frames (T, H, W, 3) of a video file."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.mark.parametrize("kind", [None, "rain", "clock"])
def test_clips_without_video_state_events_only_where_there_are_any(tmp_path: Path, kind: str | None) -> None:
    scene = next(s for s in corpus() if not s.has_video and (s.kind == kind or (kind is None and s.kind == "strike")))
    rendered = render(scene, tmp_path)
    assert (rendered.event_times_s is None) == (kind == "rain")
    assert rendered.attributes["kind"] == scene.kind
    assert rendered.attributes["speed"] is None or rendered.event_times_s is not None


def test_the_audio_file_is_the_audio_of_the_scene_in_16_bits(tmp_path: Path) -> None:
    scene = corpus()[-1]
    samples_T, rate_hz = read_audio(render(scene, tmp_path).audio_path)
    assert rate_hz == RATE_HZ
    np.testing.assert_allclose(samples_T, scene_audio(scene), atol=0.51 / 32768)
    assert Counter(path.suffix for path in tmp_path.iterdir()) == {".flac": 1}
