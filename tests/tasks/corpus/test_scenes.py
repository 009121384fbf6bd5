"""Laws of the built-in corpus's descriptions: true captions, clean splits, rates as claimed, equal bytes."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tasks.corpus.builtin import render, scenes
from tasks.corpus.captions import ADJECTIVES, ADVERBS
from tasks.corpus.config import CorpusConfig
from tasks.corpus.scenes import Scene, group_splits, make_scenes
from tasks.media.video import probe_video

CORPUS = scenes(CorpusConfig())


def sides_said(caption: str) -> set[str]:
    """Returns the sides that a caption claims, by the words it can be made of."""
    text = caption.lower()
    words = {side: (*ADVERBS[side], *ADJECTIVES[side]) for side in ADVERBS}
    return {side for side, ways in words.items() if any(re.search(rf"\b{re.escape(way)}\b", text) for way in ways)}


def test_captions_claim_only_what_is_true_of_the_scene() -> None:
    for scene in CORPUS:
        assert sides_said(scene.caption) <= {scene.speed, scene.distance, scene.volume}, scene.caption


def test_captions_name_the_object_they_are_about() -> None:
    for scene in CORPUS:
        if scene.kind == "strike":
            assert scene.thing in scene.caption.lower()
            assert re.match(r"[A-Z][a-z ]+$", scene.caption)


def test_enough_training_captions_carry_an_adverb_on_every_side() -> None:
    """SPEC A1, A3-A5: every augmentation finds samples."""
    said = Counter(side for scene in CORPUS if scene.split == "train" for side in sides_said(scene.caption))
    assert all(said[side] >= 20 for side in ("fast", "slow", "near", "far", "loud", "quiet")), said
    assert said["fast"] + said["slow"] + said["near"] + said["loud"] >= 120
    assert len({scene.caption for scene in CORPUS}) > 0.7 * len(CORPUS)


def test_splits_never_share_a_group_and_have_the_asked_sizes() -> None:
    by_group: dict[str, set[str]] = {}
    for scene in CORPUS:
        by_group.setdefault(scene.group_id, set()).add(scene.split)
    assert all(len(splits) == 1 for splits in by_group.values())
    films = Counter(scene.split for scene in CORPUS if scene.has_video)
    assert films["test"] >= 24 and films["val"] == 8
    assert len({scene.material for scene in CORPUS if scene.has_video and scene.split == "test"}) >= 6


@pytest.mark.parametrize("groups", [1, 2, 3, 10, 56])
def test_small_corpora_keep_training_groups(groups: int) -> None:
    splits = Counter(group_splits(groups, np.random.default_rng(0)))
    assert splits["train"] >= 1
    assert splits["test"] >= (groups > 1)
    assert splits["val"] >= (groups > 2)


def test_fast_scenes_have_more_events_per_second_than_slow_ones() -> None:
    rates = {side: [rate(s) for s in CORPUS if s.speed == side and s.event_times_s] for side in ("fast", "slow")}
    assert min(rates["fast"]) > 1.5 * max(rates["slow"])
    assert np.median(rates["fast"]) > 3.0
    assert np.median(rates["slow"]) < 1.0


def test_film_timing_is_irregular_so_only_the_picture_tells_it() -> None:
    spreads = [np.std(np.diff(s.event_times_s)) * s.rate_hz for s in CORPUS if s.has_video and len(s.event_times_s) > 3]
    assert np.median(spreads) > 0.25


def test_events_stay_inside_the_clip_and_apart() -> None:
    for scene in CORPUS:
        times = np.asarray(scene.event_times_s)
        if len(times):
            assert times[0] >= 0.1 and times[-1] <= 7.6
            assert np.diff(times).min(initial=1.0) > 0.149


def test_scenes_survive_json_and_depend_on_seed_and_index_only() -> None:
    again = [Scene.from_dict(json.loads(json.dumps(scene.to_dict()))) for scene in CORPUS]
    assert again == CORPUS == scenes(CorpusConfig())
    assert make_scenes(30, has_video=True, seed=1)[:24] != make_scenes(30, has_video=True, seed=2)[:24]


def test_rendering_gives_equal_bytes_and_the_true_facts(tmp_path: Path) -> None:
    films = [scene for scene in CORPUS if scene.has_video][:2]
    for scene in [*films, CORPUS[-1]]:
        (tmp_path / "a").mkdir(exist_ok=True)
        (tmp_path / "b").mkdir(exist_ok=True)
        one, two = render(scene, tmp_path / "a"), render(scene, tmp_path / "b")
        assert one.audio_path.read_bytes() == two.audio_path.read_bytes()
        assert (one.caption, one.split, one.group_id) == (scene.caption, scene.split, scene.group_id)
        assert one.event_times_s == (scene.event_times_s or None)
        json.dumps(one.attributes)
        assert (one.video_path is None) == (not scene.has_video)
        if one.video_path and two.video_path:
            assert one.video_path.read_bytes() == two.video_path.read_bytes()
            info = probe_video(one.video_path)
            assert (info.fps, info.width, info.has_audio) == (25.0, 128, False)
            assert info.duration_s == pytest.approx(8.0, abs=0.05)


def rate(scene: Scene) -> float:
    """Returns events per second between the first and the last, by the median gap (pauses do not count)."""
    return 1 / float(np.median(np.diff(scene.event_times_s)))
