"""SPEC A2: silence is removed at both ends and kept inside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import ItemError
from tasks.augment.silence import trim_silence
from tests.tasks.sounds import RATE, tone

THRESHOLD_DB = -60


@pytest.mark.parametrize(
    ("lead_s", "tail_s", "pause_s"), [(0, 0, 1.0), (0.7, 0, 0.05), (0, 1.2, 0.3), (0.3, 0.01, 1.0)]
)
def test_a2_ends_go_and_the_pause_inside_stays(lead_s: float, tail_s: float, pause_s: float) -> None:
    parts = [np.zeros(round(lead_s * RATE)), tone(0.4)[5:], np.zeros(round(pause_s * RATE)), tone(0.4)[5:-5]]
    sound = np.concatenate([*parts, np.zeros(round(tail_s * RATE))]).astype(np.float32)
    trimmed = trim_silence(sound, RATE, THRESHOLD_DB)
    inside = np.concatenate(parts[1:]).astype(np.float32)
    assert trimmed.start_s == pytest.approx(lead_s, abs=1e-3)
    assert len(trimmed.samples_T) / RATE == pytest.approx(len(inside) / RATE, abs=2e-3)
    start = round(trimmed.start_s * RATE)
    np.testing.assert_array_equal(trimmed.samples_T, sound[start : start + len(trimmed.samples_T)])


def test_a2_noise_below_the_threshold_counts_as_silence() -> None:
    hiss = 1e-4 * np.random.default_rng(0).uniform(-1, 1, RATE)
    sound = np.concatenate([hiss, tone(0.5)[3:], hiss]).astype(np.float32)
    assert trim_silence(sound, RATE, THRESHOLD_DB).start_s == pytest.approx(1.0, abs=1e-3)


def test_silence_stays_out() -> None:
    with pytest.raises(ItemError) as caught:
        trim_silence(np.zeros(RATE, np.float32), RATE, THRESHOLD_DB)
    assert caught.value.reason == "silent"


def test_audio_without_silence_is_unchanged() -> None:
    sound = tone(0.5)[3:-3]
    trimmed = trim_silence(sound, RATE, THRESHOLD_DB)
    assert trimmed.start_s < 1e-3 and abs(len(trimmed.samples_T) - len(sound)) <= 3


pieces = st.lists(st.tuples(st.sampled_from([0.0, 5e-4, 0.01, 0.9]), st.integers(1, 2000)), min_size=1, max_size=8)


@given(pieces, st.integers(0, 99))
def test_a2_trimming_is_idempotent_and_keeps_what_is_inside(parts: list[tuple[float, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    sound = np.concatenate([peak * rng.choice([-1.0, 1.0], count) for peak, count in parts]).astype(np.float32)
    loud = np.flatnonzero(np.abs(sound) > 1e-3)
    if not len(loud):
        with pytest.raises(ItemError):
            trim_silence(sound, RATE, THRESHOLD_DB)
        return
    once = trim_silence(sound, RATE, THRESHOLD_DB)
    np.testing.assert_array_equal(once.samples_T, sound[loud[0] : loud[-1] + 1])
    assert once.start_s == loud[0] / RATE
    twice = trim_silence(once.samples_T, RATE, THRESHOLD_DB)
    assert twice.start_s == 0
    np.testing.assert_array_equal(twice.samples_T, once.samples_T)
