"""AdverbCheck (SPEC A1, E2): each measure follows its adverb on synthetic sounds and on the corpus."""

import numpy as np
import pytest

from tasks.evaluate.adverbs import DIRECTIONS, is_right, nearness
from tasks.evaluate.attributes import level_db, measure, onset_rate_hz, slope_db_per_s
from tests.tasks.evaluate.sounds import RATE_HZ, bursts, noise, scene_audio, scene_with, strike_scenes

SCENES = strike_scenes(8)
SIDES = {
    "fast": {"rate_hz": 4.2},
    "slow": {"rate_hz": 0.8},
    "loud": {"level_db": -5.0},
    "quiet": {"level_db": -29.0},
    "near": {"distance_m": 0.75},
    "far": {"distance_m": 9.0},
}


@pytest.mark.parametrize("direction", ["speed", "volume", "distance"])
def test_each_direction_is_right_on_the_corpus_and_wrong_when_swapped(direction):
    more, less = DIRECTIONS[direction]
    for scene in SCENES:
        first, second = (measure(scene_audio(scene_with(scene, **SIDES[side])), RATE_HZ) for side in (more, less))
        assert is_right(direction, first, second)
        assert not is_right(direction, second, first)


@pytest.mark.parametrize("rate_hz", [0.8, 1.5, 4.2])
def test_a_crescendo_rises_and_its_mirror_falls_by_the_slope_it_was_given(rate_hz):
    sound = scene_audio(scene_with(SCENES[0], rate_hz=rate_hz))
    ramp = (10 ** (np.linspace(-20, 0, len(sound)) / 20)).astype(np.float32)
    rising, falling = measure(sound * ramp, RATE_HZ), measure(sound * ramp[::-1], RATE_HZ)
    assert is_right("dynamics", rising, falling)
    assert rising.slope_db_per_s == pytest.approx(2.5, abs=1.0)
    assert falling.slope_db_per_s == pytest.approx(-2.5, abs=1.0)


def test_units_are_what_they_say():
    assert level_db(noise(level=0.1), RATE_HZ) == pytest.approx(-20, abs=0.2)
    assert slope_db_per_s(noise(), RATE_HZ, []) == pytest.approx(0, abs=0.05)
    assert measure(bursts(np.arange(0.2, 7.8, 0.25)), RATE_HZ).onset_rate_hz == pytest.approx(4, abs=0.1)


def test_a_pause_does_not_slow_the_rate_and_two_events_are_counted():
    assert onset_rate_hz([0, 0.5, 1.0, 4.0, 4.5], 8.0) == 2.0
    assert onset_rate_hz([1.0, 5.0], 8.0) == 0.25


def test_level_is_measured_where_there_is_sound():
    half = np.concatenate([noise(4.0), np.zeros(4 * RATE_HZ, np.float32)])
    assert level_db(half, RATE_HZ) == pytest.approx(level_db(noise(4.0), RATE_HZ), abs=0.5)


def test_silence_has_finite_attributes_and_beats_nothing():
    silent = measure(np.zeros(8 * RATE_HZ, np.float32), RATE_HZ)
    assert np.isfinite([silent.onset_rate_hz, silent.level_db, nearness(silent), silent.slope_db_per_s]).all()
    for direction in DIRECTIONS:
        assert not is_right(direction, silent, silent)
