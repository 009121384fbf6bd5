"""EventF1 and EventOffset (SPEC E2): what a fair event score is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.evaluate.events import event_f1, event_offset_s, match_events

TRUTH = (0.5, 1.2, 2.1, 3.4, 5.0)
times = st.lists(st.floats(0, 8), max_size=12).map(sorted)


def test_e2_the_truth_scores_one_and_silence_zero() -> None:
    assert event_f1(TRUTH, TRUTH, 0.05) == 1.0
    assert event_f1(TRUTH, [], 0.1) == 0.0
    assert event_f1([], TRUTH, 0.1) == 0.0
    assert event_f1([], [], 0.1) == 1.0


@pytest.mark.parametrize(("shift_s", "at_100", "at_50"), [(0.02, 1, 1), (0.07, 1, 0), (0.2, 0, 0)])
def test_e2_a_shift_beyond_the_tolerance_scores_zero(shift_s: float, at_100: float, at_50: float) -> None:
    shifted = [time + shift_s for time in TRUTH]
    assert (event_f1(TRUTH, shifted, 0.1), event_f1(TRUTH, shifted, 0.05)) == (at_100, at_50)


def test_one_event_cannot_be_counted_twice() -> None:
    assert event_f1([1.0], [0.98, 1.0, 1.02], 0.1) == pytest.approx(2 / 4)
    assert match_events([1.0, 1.05], [1.02], 0.1) == [(0, 0)]


def test_the_closest_pairs_are_matched_first() -> None:
    assert match_events([1.0, 1.1], [1.09, 1.16], 0.1) == [(1, 0)]


def test_extra_events_cost_precision() -> None:
    assert event_f1(TRUTH, np.linspace(0, 8, 400), 0.1) < 0.05


def test_the_offset_is_that_of_the_matched_events_only() -> None:
    assert event_offset_s(TRUTH, [0.53, 1.19, 7.0], 0.1) == pytest.approx(0.02)
    assert event_offset_s(TRUTH, [7.0], 0.1) is None


@settings(max_examples=60, deadline=None)
@given(truth=times, found=times)
def test_the_score_is_symmetric_bounded_and_grows_with_the_tolerance(truth: list[float], found: list[float]) -> None:
    narrow, wide = event_f1(truth, found, 0.05), event_f1(truth, found, 0.1)
    assert 0 <= narrow <= 1 and 0 <= wide <= 1
    assert event_f1(found, truth, 0.1) == pytest.approx(wide)
    pairs = match_events(truth, found, 0.1)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
