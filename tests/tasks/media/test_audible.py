"""What counts as silence, and what is too short to be heard."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ItemError
from tasks.media.audio import (
    is_audible,
    require_audible,
)
from tests.tasks.sounds import RATE, tone


def test_silence_and_a_millisecond_are_not_audible() -> None:
    for samples, reason in ((np.zeros(RATE, np.float32), "silent"), (tone(0.001), "too_short")):
        with pytest.raises(ItemError) as caught:
            require_audible(samples, RATE, min_s=0.5, name="x")
        assert caught.value.reason == reason
    require_audible(tone(0.6), RATE, min_s=0.5, name="x")


def test_what_is_below_hearing_is_silence() -> None:
    time_s = np.arange(12 * RATE) / RATE
    dither = np.random.default_rng(0).uniform(-1, 1, len(time_s)) / 32768
    for drift in (np.full(len(time_s), 0.5), 0.3 * time_s / 12, 0.9 * np.sin(2 * np.pi * 0.5 * time_s)):
        for samples in (drift, drift + dither):
            assert not is_audible(samples.astype(np.float32), RATE)
            with pytest.raises(ItemError, match=r"peak is \d\.\d+e-01 of full scale, above 20 Hz at most 0\.0001"):
                require_audible(samples.astype(np.float32), RATE, min_s=0.5, name="x")


@settings(max_examples=20, deadline=None)
@given(st.floats(30, 3000), st.floats(-0.5, 0.5), st.floats(0.3, 11.5), st.sampled_from([8_000, RATE, 48_000]))
def test_one_faint_beep_anywhere_is_audible_whatever_the_offset(hz: float, dc: float, at_s: float, rate: int) -> None:
    samples = np.full(12 * rate, dc, np.float32)
    beep = tone(0.3, hz, rate, peak=3e-4)
    samples[round(at_s * rate) :][: len(beep)] += beep[: len(samples) - round(at_s * rate)]
    assert is_audible(samples, rate)


@pytest.mark.parametrize("rate", [10, 40, 100])
def test_absurd_rates_have_an_answer_too(rate: int) -> None:
    assert is_audible(np.array([0.5, -0.5] * 50, np.float32), rate)
    assert not is_audible(np.full(100, 0.5, np.float32), rate)
    assert not is_audible(np.zeros(0, np.float32), rate)
