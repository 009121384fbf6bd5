"""AdverbCheck (SPEC A1, E2): right on audio that differs as the adverbs say, wrong on anything else."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from data_contracts.adverbs import DIMENSIONS
from tasks.evaluate.adverbs import CRITERIA, DIRECTIONS, MARGINS, difference, is_right
from tasks.evaluate.attributes import AUDIBLE_DB, Attributes, measure
from tests.tasks.evaluate.sounds import RATE_HZ, noise, scene_audio, scene_with, strike_scenes

SCENES = strike_scenes(8)
SIDES: dict[str, dict[str, float]] = {
    "fast": {"rate_hz": 4.2},
    "slow": {"rate_hz": 0.8},
    "loud": {"level_db": -5.0},
    "quiet": {"level_db": -29.0},
    "near": {"distance_m": 0.75},
    "far": {"distance_m": 9.0},
}
PLAIN = measure(scene_audio(scene_with(SCENES[0])), RATE_HZ)
SILENT = measure(np.zeros(8 * RATE_HZ, np.float32), RATE_HZ)


def attributes(**changes: float) -> Attributes:
    values = {"onset_rate_hz": 2.0, "level_db": -30.0, "centroid_hz": 1000.0, "late_db": -6.0, "slope_db_per_s": 0.0}
    return Attributes(**(values | changes))


def pair(direction: str) -> list[tuple[Attributes, Attributes]]:
    """Returns measured pairs that differ as the direction says."""
    if direction == "dynamics":
        ramp = (10 ** (np.linspace(-20, 0, 8 * RATE_HZ) / 20)).astype(np.float32)
        audio = [scene_audio(scene_with(scene)) for scene in SCENES[:3]]
        return [(measure(a * ramp, RATE_HZ), measure(a * ramp[::-1], RATE_HZ)) for a in audio]
    more, less = DIRECTIONS[direction]
    return [
        (
            measure(scene_audio(scene_with(scene, **SIDES[more])), RATE_HZ),
            measure(scene_audio(scene_with(scene, **SIDES[less])), RATE_HZ),
        )
        for scene in SCENES
        if direction != "distance" or scene.material != "metal"  # a long ring masks the room
    ]


def test_every_dimension_of_the_vocabulary_has_a_criterion() -> None:
    assert set(DIMENSIONS) == set(DIRECTIONS) == set(MARGINS) == set(CRITERIA)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_each_direction_is_right_on_the_corpus_and_wrong_when_swapped(direction: str) -> None:
    for first, second in pair(direction):
        assert is_right(direction, first, second)
        assert not is_right(direction, second, first)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_silence_on_either_side_is_wrong_and_so_is_the_same_clip_twice(direction: str) -> None:
    for other in (PLAIN, SILENT, measure(noise(), RATE_HZ)):
        assert not is_right(direction, other, SILENT)
        assert not is_right(direction, SILENT, other)
        assert not is_right(direction, other, other)


@pytest.mark.parametrize("gain_db", [-20.0, -6.0, -3.1])
def test_a_change_of_level_alone_is_a_change_of_volume_and_of_nothing_else(gain_db: float) -> None:
    for scene in SCENES[:4]:
        audio = scene_audio(scene_with(scene))
        quieter = np.round(audio * 10 ** (gain_db / 20) * 32768) / 32768  # as 16-bit files hold it
        more, less = measure(audio, RATE_HZ), measure(quieter.astype(np.float32), RATE_HZ)
        right = {direction for direction in DIRECTIONS if is_right(direction, more, less)}
        assert right == {"volume"}


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_difference_changes_sign_with_the_order_and_both_orders_are_never_right(direction: str) -> None:
    clips = [PLAIN, *(clip for both in pair(direction)[:3] for clip in both)]
    for first, second in itertools.permutations(clips, 2):
        assert difference(direction, first, second) == pytest.approx(-difference(direction, second, first))
        assert not (is_right(direction, first, second) and is_right(direction, second, first))


@pytest.mark.parametrize(
    ("direction", "name", "below", "above"),
    [
        ("speed", "onset_rate_hz", 2 * 2**0.24, 2 * 2**0.26),
        ("volume", "level_db", -27.1, -26.9),
        ("distance", "centroid_hz", 1000 * 2**0.09, 1000 * 2**0.11),
        ("distance", "late_db", -7.1, -7.3),
        ("dynamics", "slope_db_per_s", 0.9, 1.1),
    ],
)
def test_the_margin_decides(direction: str, name: str, below: float, above: float) -> None:
    assert not is_right(direction, attributes(**{name: below}), attributes())
    assert is_right(direction, attributes(**{name: above}), attributes())


def test_audible_is_decided_at_the_gate() -> None:
    loud = attributes(level_db=-20.0)
    assert is_right("volume", loud, attributes(level_db=AUDIBLE_DB + 0.1))
    assert not is_right("volume", loud, attributes(level_db=AUDIBLE_DB))


def test_audio_without_events_has_no_speed_and_is_judged_by_brightness_alone() -> None:
    steady = attributes(onset_rate_hz=0.0, late_db=0.0)
    assert difference("speed", attributes(), steady) == difference("speed", steady, attributes()) == 0.0
    assert difference("distance", attributes(late_db=-40.0), steady) == 0.0
    assert is_right("distance", attributes(onset_rate_hz=0.0, centroid_hz=2000.0), steady)


def test_unrelated_clips_are_right_in_fewer_than_half_of_the_pairs() -> None:
    clips = [measure(scene_audio(scene), RATE_HZ) for scene in strike_scenes(8, seed=5)]
    for direction in DIRECTIONS:
        share = np.mean([is_right(direction, a, b) for a, b in itertools.permutations(clips, 2)])
        assert share <= 0.5
