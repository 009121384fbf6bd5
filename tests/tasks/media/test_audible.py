"""What counts as silence, and what is too short to be heard."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ItemError
from tasks.media.audio import is_audible
from tasks.media.samples import Samples
from tasks.media.survey import survey_audio
from tests.tasks.sounds import RATE, tone, write_wav


def refusal(path: Path, samples: Samples) -> ItemError | None:
    """Returns why a recording is refused."""
    try:
        survey_audio(write_wav(path, samples, subtype="FLOAT")).require_audible(min_s=0.5)
    except ItemError as error:
        return error
    return None


def test_silence_and_a_millisecond_are_not_audible(tmp_path: Path) -> None:
    for samples, reason in ((np.zeros(RATE, np.float32), "silent"), (tone(0.001), "too_short")):
        error = refusal(tmp_path / "x.wav", samples)
        assert error is not None and error.reason == reason
    assert refusal(tmp_path / "x.wav", tone(0.6)) is None


def test_what_is_below_hearing_is_silence(tmp_path: Path) -> None:
    time_s = np.arange(12 * RATE) / RATE
    dither = np.random.default_rng(0).uniform(-1, 1, len(time_s)) / 32768
    for drift in (np.full(len(time_s), 0.5), 0.3 * time_s / 12, 0.9 * np.sin(2 * np.pi * 0.5 * time_s)):
        for samples in (drift, drift + dither):
            assert not is_audible(samples.astype(np.float32), RATE)
            error = refusal(tmp_path / "x.wav", samples.astype(np.float32))
            said = r"x\.wav: the peak is \d\.\d+e-01 of full scale, above 20 Hz at most 0\.0001"
            assert error is not None and re.match(said, error.message)


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
