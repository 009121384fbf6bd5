"""SPEC A3: the speed levels of a clip have one length, filled at every rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.augment.lengths import common_length_s
from tests.tasks.sounds import RATE, strikes

FACTORS = (1.3, 1.0, 0.7)


def noise(duration_s: float, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, round(duration_s * RATE)).astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.25, 12.0), st.floats(0.5, 8.0))
def test_audio_without_pauses_gets_all_that_the_fastest_level_can_fill(duration_s: float, max_s: float) -> None:
    found_s = common_length_s(noise(duration_s), RATE, FACTORS, max_s=max_s, silence_db=-60)
    assert found_s == pytest.approx(min(max_s, duration_s / 1.3 - 1e-3), abs=1e-4)
    assert round(found_s * RATE) == pytest.approx(found_s * RATE, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.0, 5.8), min_size=1, max_size=25), st.integers(0, 9))
def test_the_length_is_the_longest_without_a_pause_as_a_plain_loop_finds_it(times_s: list[float], seed: int) -> None:
    sound = strikes(6.0, sorted(times_s))
    loud = np.abs(sound) > 1e-3
    longest = int(min(8.0 * RATE, len(sound) / 1.3 - 1e-3 * RATE))
    expected = longest
    for step in range(10_000):
        length = round(longest - step * 0.01 * RATE)
        if length <= 0.75 * longest:
            break
        ends = [
            loud[int((length - 0.1 * RATE) * factor) : int((length - 0.03 * RATE) * factor)].any() for factor in FACTORS
        ]
        if all(ends):
            expected = length
            break
    found_s = common_length_s(sound, RATE, FACTORS, max_s=8.0, silence_db=-60)
    assert round(found_s * RATE) == expected


def test_without_a_length_that_avoids_all_pauses_the_longest_is_taken() -> None:
    two = np.concatenate([noise(0.1), np.zeros(3 * RATE), noise(0.1)]).astype(np.float32)
    found_s = common_length_s(two, RATE, FACTORS, max_s=8.0, silence_db=-60)
    assert found_s == pytest.approx(3.2 / 1.3 - 1e-3, abs=1e-4)
