"""The scenes that are drawn: clean splits, rates and levels as named, events apart, equal for a seed."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.corpus.confounds import Confounds
from tasks.corpus.materials import MATERIALS, SIZES
from tasks.corpus.scene import Scene
from tasks.corpus.scenes import group_splits, make_scenes
from tests.tasks.corpus.measures import corpus, scenes_with_video


def rate(scene: Scene) -> float:
    """Returns events per second between the first and the last, by the median gap: pauses do not count."""
    return 1 / float(np.median(np.diff(scene.event_times_s)))


def by_group(scenes: tuple[Scene, ...]) -> dict[str, list[Scene]]:
    groups: dict[str, list[Scene]] = defaultdict(list)
    for scene in scenes:
        groups[scene.group_id].append(scene)
    return groups


def test_splits_never_share_a_group_and_have_the_sizes_wanted() -> None:
    assert all(len({scene.split for scene in group}) == 1 for group in by_group(corpus()).values())
    videos = Counter(scene.split for scene in scenes_with_video())
    assert videos["test"] >= 48 and videos["val"] == 8 and videos["train"] > 3 * videos["test"]
    materials = Counter(scene.material for scene in scenes_with_video() if scene.split == "test")
    assert len(materials) == len(MATERIALS) and len(set(materials.values())) == 1


def test_a_group_is_one_object_and_groups_are_different_objects() -> None:
    groups = by_group(corpus())
    for group in groups.values():
        assert len({(scene.object_seed, scene.material, scene.thing, scene.size) for scene in group}) == 1
    assert len({group[0].object_seed for group in groups.values()}) == len(groups)
    assert len({scene.seed for scene in corpus()}) == len(corpus())


@pytest.mark.parametrize("groups", [1, 2, 3, 10, 56])
def test_small_corpora_keep_training_groups(groups: int) -> None:
    splits = Counter(group_splits(groups, 0.2, np.random.default_rng(0)))
    assert splits["train"] >= 1
    assert splits["test"] >= (groups > 1)
    assert splits["val"] >= (groups > 2)


@given(st.integers(1, 300), st.sampled_from([0.125, 0.2]), st.integers(0, 2**32 - 1))
def test_splits_have_fixed_sizes_and_test_groups_follow_each_other(groups: int, share: float, seed: int) -> None:
    splits = group_splits(groups, share, np.random.default_rng(seed))
    assert len(splits) == groups
    assert Counter(splits) == Counter(group_splits(groups, share, np.random.default_rng(seed + 1)))
    assert splits.count("test") == (max(1, round(groups * share)) if groups > 1 else 0)
    tests = [index for index, split in enumerate(splits) if split == "test"]
    runs = 1 + sum(second - first > 1 for first, second in pairwise(tests))
    wraps = splits[0] == splits[-1] == "test" and len(tests) < groups
    assert not tests or runs == 1 + wraps


def test_fast_scenes_have_more_events_per_second_than_slow_ones() -> None:
    rates = {side: [rate(s) for s in corpus() if s.speed == side and s.event_times_s] for side in ("fast", "slow")}
    assert min(rates["fast"]) > 1.5 * max(rates["slow"])
    assert np.median(rates["fast"]) > 3.0
    assert np.median(rates["slow"]) < 1.0


def test_the_timing_of_videos_is_irregular_so_that_only_the_frames_show_it() -> None:
    spreads = [np.std(np.diff(s.event_times_s)) * s.rate_hz for s in scenes_with_video() if len(s.event_times_s) > 3]
    assert np.median(spreads) > 0.25


def test_named_sides_do_not_overlap_in_what_they_name() -> None:
    """Between any two sides of a dimension, the quantity itself has a gap."""
    for dimension, quantity, order in (
        ("speed", "rate_hz", ("slow", None, "fast")),
        ("volume", "level_db", ("quiet", None, "loud")),
        ("distance", "distance_m", ("near", None, "far")),
    ):
        ranges = []
        for side in order:
            values = [getattr(scene, quantity) for scene in corpus() if getattr(scene, dimension) == side]
            ranges.append((min(values), max(values)))
        assert all(first[1] < second[0] for first, second in pairwise(ranges)), dimension


def test_most_scenes_have_one_side_and_far_ones_never_a_volume() -> None:
    counts = Counter(sum(side is not None for side in (s.speed, s.distance, s.volume)) for s in corpus())
    assert counts[1] > counts[2] > 0 and counts[0] > 0 and not counts[3]
    assert all(scene.volume is None for scene in corpus() if scene.distance == "far")


def test_strengths_are_one_per_event_around_the_level() -> None:
    for scene in corpus():
        assert len(scene.strengths) == len(scene.event_times_s)
        if scene.strengths:
            strengths_db = 20 * np.log10(scene.strengths)
            assert np.abs(strengths_db - scene.level_db).max() < 6
            assert np.mean(strengths_db) == pytest.approx(scene.level_db, abs=2.5)


def test_videos_show_strikes_only_and_audio_has_textures_too() -> None:
    assert {scene.kind for scene in scenes_with_video()} == {"strike"}
    textures = [scene for scene in corpus() if scene.kind != "strike"]
    assert {scene.material for scene in textures} == {"none"}
    assert 0.1 < len(textures) / sum(not scene.has_video for scene in corpus()) < 0.4
    assert all(scene.speed is None for scene in textures if not scene.event_times_s)


def test_each_material_comes_in_several_sizes_over_the_whole_range() -> None:
    for name in MATERIALS:
        sizes = {scene.size for scene in scenes_with_video() if scene.material == name}
        assert len(sizes) >= 10 and SIZES[0] <= min(sizes) < 0.85 and 1.2 < max(sizes) <= SIZES[1]
    assert {scene.size for scene in corpus() if scene.kind != "strike"} == {1.0}


@given(st.integers(1, 40), st.booleans(), st.floats(0, 1), st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_scenes_depend_on_seed_index_count_and_confounds_alone(
    count: int, has_video: bool, share: float, seed: int
) -> None:
    confounds = Confounds(lag_share=share, distractor_share=share, off_screen_share=share)
    first, second = (make_scenes(count, has_video=has_video, seed=seed, confounds=confounds) for _ in range(2))
    assert first == second and len({scene.scene_id for scene in first}) == count
    assert all(scene.has_video is has_video for scene in first)


def test_another_seed_gives_other_scenes() -> None:
    assert make_scenes(30, has_video=True, seed=1)[:24] != make_scenes(30, has_video=True, seed=2)[:24]
