"""The baselines (SPEC E2): what they are, and what EventF1 gives them."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.evaluate import baselines
from tasks.evaluate.events import event_f1
from tasks.evaluate.onsets import detect_onsets
from tests.tasks.evaluate.sounds import RATE_HZ, strike_scenes

LENGTH = 8 * RATE_HZ


def test_each_has_its_length_and_is_within_full_scale() -> None:
    rng = np.random.default_rng(0)
    reference = np.linspace(-0.5, 0.5, 3 * RATE_HZ, dtype=np.float32)
    made = [
        baselines.silence(LENGTH), baselines.white_noise(LENGTH, rng), baselines.clicks(LENGTH, RATE_HZ),
        baselines.random_events(LENGTH, RATE_HZ, 9, rng), baselines.pasted(reference, LENGTH),
    ]  # fmt: skip
    for audio in made:
        assert audio.shape == (LENGTH,) and audio.dtype == np.float32 and np.abs(audio).max() <= 1.0
    assert not made[0].any()
    assert 20 * np.log10(made[1].std()) == pytest.approx(-20, abs=0.1)


@pytest.mark.parametrize("reference_s", [0.5, 2.0, 8.0, 9.0])
def test_a_pasted_reference_repeats_until_the_end(reference_s: float) -> None:
    reference = np.random.default_rng(1).uniform(-1, 1, round(reference_s * RATE_HZ)).astype(np.float32)
    audio = baselines.pasted(reference, LENGTH)
    period = len(reference)
    np.testing.assert_array_equal(audio[: min(period, LENGTH)], reference[:LENGTH])
    np.testing.assert_array_equal(audio[period:], audio[: max(0, LENGTH - period)])


def test_an_empty_reference_is_pasted_as_silence() -> None:
    assert not baselines.pasted(np.zeros(0, np.float32), LENGTH).any()


def test_random_events_are_as_many_as_asked_and_follow_the_seed() -> None:
    first, again, other = (
        baselines.random_events(LENGTH, RATE_HZ, 6, np.random.default_rng(seed)) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert 4 <= len(detect_onsets(first, RATE_HZ)) <= 6  # two may fall together
    assert not baselines.random_events(LENGTH, RATE_HZ, 0, np.random.default_rng(5)).any()


@pytest.mark.parametrize("rate_hz", [16_000, 44_100])
def test_clicks_come_every_fifth_of_a_second(rate_hz: int) -> None:
    found = detect_onsets(baselines.clicks(4 * rate_hz, rate_hz), rate_hz)
    assert np.diff(found) == pytest.approx(0.2, abs=0.011)
    assert len(found) == pytest.approx(20, abs=2)


def test_e2_event_f1_of_baselines_is_far_above_zero_which_is_why_they_are_printed() -> None:
    scores = {"clicks": [], "random": []}  # type: dict[str, list[float]]
    for number, scene in enumerate(strike_scenes(12)):
        truth = [time for time in scene.event_times_s if time < 8]
        rng = np.random.default_rng(number)
        audio = {
            "clicks": baselines.clicks(LENGTH, RATE_HZ),
            "random": baselines.random_events(LENGTH, RATE_HZ, len(truth), rng),
        }
        for name, samples in audio.items():
            scores[name].append(event_f1(truth, detect_onsets(samples, RATE_HZ), 0.1))
    assert 0.3 < np.mean(scores["clicks"]) < 0.6
    assert 0.1 < np.mean(scores["random"]) < 0.4
