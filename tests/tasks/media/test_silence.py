"""SPEC A2: the audible span of a recording, and its DC offset."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.media.silence import audible_span, dc_offset_of
from tests.tasks.sounds import RATE, strikes, tone

STEP = 1 / 32768


def noise(duration_s: float, seed: int = 0, peak: float = 0.5) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-peak, peak, round(duration_s * RATE)).astype(np.float32)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([0.0, 5e-4, 0.01, -0.9]), max_size=40))
def test_the_audible_span_is_from_the_first_to_the_last_sample_over_the_threshold(values: list[float]) -> None:
    loud = [number for number, value in enumerate(values) if abs(value) > 1e-3]
    expected = (loud[0], loud[-1] + 1) if loud else (0, 0)
    assert audible_span(np.array(values, np.float32), -60) == expected


@settings(max_examples=30, deadline=None)
@given(st.floats(0.02, 0.4), st.sampled_from([-1, 1]), st.sampled_from(["strikes", "noise", "tone"]))
def test_an_offset_is_found_and_removed(offset: float, sign: int, kind: str) -> None:
    sound = {"strikes": strikes(2.0, [0.1, 0.8, 1.4]), "noise": noise(2.0, peak=0.2), "tone": tone(2.0, 330)}[kind]
    found = dc_offset_of(sound + np.float32(sign * offset), RATE)
    assert found == pytest.approx(sign * offset, abs=2e-3 if kind == "noise" else 3e-4)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.01, 1.0), st.floats(0.2, 8.0), st.integers(0, 10_000), st.booleans())
def test_noise_without_an_offset_stays_as_it_is(peak: float, duration_s: float, seed: int, rumbling: bool) -> None:
    """Neither white noise nor a random walk, whose level wanders below 20 Hz, is shifted."""
    sound = noise(duration_s, seed, peak)
    if rumbling:
        sound = np.cumsum(sound).astype(np.float32)
        sound = (peak * (sound - sound.mean()) / np.max(np.abs(sound))).astype(np.float32)
    assert dc_offset_of(sound, RATE) == 0.0


def test_one_sided_pulses_in_silence_have_no_offset() -> None:
    pulses = np.zeros(2 * RATE, np.float32)
    pulses[:: RATE // 3] = 0.9
    pulses[1 :: RATE // 3] = 0.9
    assert dc_offset_of(pulses, RATE) == 0.0


def test_an_offset_of_a_few_steps_stays_and_is_not_recorded() -> None:
    sound = tone(1.0, 400)
    assert dc_offset_of(sound + np.float32(2 * STEP), RATE) == 0.0
    assert dc_offset_of(sound + np.float32(5 * STEP), RATE) == pytest.approx(5 * STEP, abs=1e-5)


def test_audio_shorter_than_a_block_and_none_at_all() -> None:
    assert dc_offset_of(np.full(40, 0.5, np.float32), RATE) == 0.5
    assert dc_offset_of(np.full(4, 0.5, np.float32), RATE) == 0.0
    assert dc_offset_of(np.zeros(0, np.float32), RATE) == 0.0
