"""Strike times: inside the clip, apart, regular without jitter."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.corpus.events import event_times
from tasks.corpus.scene import DURATION_S


@settings(max_examples=60)
@given(
    st.floats(0.6, 4.8), st.floats(0.0, 0.5), st.integers(0, 3), st.sampled_from([0.15, 0.2]), st.integers(0, 2**32 - 1)
)
def test_events_are_inside_the_clip_and_apart(
    rate_hz: float, jitter: float, pauses: int, gap_s: float, seed: int
) -> None:
    def draw() -> list[float]:
        rng = np.random.default_rng(seed)
        return event_times(rate_hz, jitter=jitter, pauses=pauses, min_gap_s=gap_s, rng=rng)

    times = np.asarray(draw())
    assert len(times) >= 1 and times[0] >= 0.15 and times[-1] <= DURATION_S - 0.4
    assert np.diff(times).min(initial=gap_s) >= gap_s - 2e-5  # rounded to 10 microseconds
    assert times.tolist() == draw()


@given(st.floats(0.6, 4.8), st.integers(0, 2**32 - 1))
def test_without_jitter_and_pauses_events_are_regular(rate_hz: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = event_times(rate_hz, jitter=0.0, pauses=0, min_gap_s=0.15, rng=rng)
    np.testing.assert_allclose(np.diff(times), 1 / rate_hz, atol=2e-5)
