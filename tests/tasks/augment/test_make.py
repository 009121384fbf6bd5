"""SPEC A2, and the checks of every written file: made on the decoded samples, refused with both numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ItemError
from data_contracts.adverbs import CHANGES, Change, changes_for
from tasks.augment.config import AugmentConfig
from tasks.augment.make import Made, check_audio, make_audio, make_change, shared_length_s
from tasks.augment.recipe import recipes_for
from tasks.augment.silence import trim_silence
from tasks.media.audio import flac_samples
from tests.tasks.augment.build import CONTEXT, make_context
from tests.tasks.sounds import RATE, strikes, tone


@pytest.mark.parametrize(
    ("after", "reason", "message"),
    [
        (tone(1.0) * np.float32(1e-4), "silent", r"-86\.\d dBFS; wanted over -80"),
        (np.sign(tone(1.0)), "clipped", r"\d+ samples at full scale; the source has 0"),
        (tone(1.0) + np.float32(0.2), "dc_offset", r"the mean is -6\.\d dB of the level; wanted at most -20"),
        (np.pad(tone(1.0), (0, RATE // 2)), "edge_silence", r"0\.500 s of silence at an end; wanted at most 0\.1"),
        (np.pad(tone(1.0), (RATE // 5, 0)), "edge_silence", r"0\.200 s"),
    ],
)
def test_bad_audio_is_refused_with_both_numbers(after: np.ndarray, reason: str, message: str) -> None:
    with pytest.raises(ItemError, match=message) as caught:
        check_audio(tone(1.0), after.astype(np.float32), RATE, silence_db=-60)
    assert caught.value.reason == reason


def test_a_pause_at_the_end_is_allowed_where_all_levels_are_cut_to_one_length() -> None:
    paused = np.pad(tone(1.0), (0, RATE // 2))
    assert check_audio(tone(1.0), paused, RATE, silence_db=-60, ends_in_pause=True)["edge_silence_s"] == 0.5
    with pytest.raises(ItemError, match=r"0\.500 s of silence"):
        check_audio(tone(1.0), np.ascontiguousarray(paused[::-1]), RATE, silence_db=-60, ends_in_pause=True)


def levels_of(side: str, source: np.ndarray, config: AugmentConfig) -> list[Made]:
    """Returns all levels of a side as the stage makes them."""
    made = []
    for change in changes_for(side):
        context = replace(CONTEXT, length_s=shared_length_s(change, source, RATE, config))
        made.append(make_change(change, source, RATE, 1, context)[1])
    return made


def test_the_speed_levels_of_a_side_have_one_length_and_the_others_their_own() -> None:
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 4 * RATE).astype(np.float32)
    for side in ("fast", "slow"):
        made = levels_of(side, noise, CONTEXT.config)
        (length,) = {len(one.samples_T) for one in made}
        assert length == pytest.approx((4 / 1.3 - 1e-3) * RATE, abs=1)
        assert {one.length_s for one in made} == {length / RATE}
        assert all(abs(one.samples_T[-1]) <= 0.005 * np.max(np.abs(one.samples_T)) for one in made)  # no click
    made = levels_of("fast", noise, make_context(equal_lengths=False).config)
    assert [len(one.samples_T) / RATE for one in made] == pytest.approx([4 / 1.3, 4.0, 4 / 0.7], abs=1e-3)
    (near,) = levels_of("near", noise, CONTEXT.config)
    assert near.length_s is None and len(near.samples_T) >= 4 * RATE


def test_a_source_that_is_clipped_already_is_no_fault_of_the_change() -> None:
    square = np.sign(tone(1.0)) * np.float32(1.0)
    assert check_audio(square, square, RATE, silence_db=-60)["peak_db"] == pytest.approx(0, abs=0.01)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(CHANGES),
    st.lists(st.floats(0.0, 7.5), min_size=4, max_size=30, unique_by=lambda s: round(s * 5)),
    st.floats(0.05, 1.0),
    st.floats(0.0, 1.0),
    st.floats(2.0, 10.0),
)
def test_whatever_is_made_can_be_used(
    change: Change, times_s: list[float], peak: float, lead_s: float, max_s: float
) -> None:
    """What is refused has a reason with numbers; what is made is trimmed, unclipped, audible and not too long."""
    sound = np.concatenate([np.zeros(round(lead_s * RATE)), strikes(8.0, sorted(times_s), peak=peak)])
    source = trim_silence(sound.astype(np.float32), RATE, -60).samples_T
    context = replace(CONTEXT, config=CONTEXT.config.model_copy(update={"max_s": max_s}))
    recipe = next(recipes_for(change, 7, RATE, context))
    try:
        made = make_audio(recipe, source, RATE, context)
    except ItemError as error:
        assert error.reason in {"effect_missing", "too_short"} and any(c.isdigit() for c in error.message)
        return
    np.testing.assert_array_equal(made.samples_T, flac_samples(made.content))
    assert len(made.samples_T) <= round(max_s * RATE)
    assert 1e-4 < np.max(np.abs(made.samples_T)) <= 1.0
    edge_s = made.measured["edge_silence_s"]
    assert edge_s is not None and edge_s <= 0.1
    again = make_audio(recipe, source, RATE, context)
    assert again.content == made.content and again.measured == made.measured


def test_a_source_that_is_shorter_than_the_limit_is_used_whole() -> None:
    sound = strikes(2.0, [0.0, 0.7, 1.3, 1.8])
    for change in changes_for("slow"):
        made = make_audio(next(recipes_for(change, 1, RATE, CONTEXT)), sound, RATE, CONTEXT)
        factor = {"medium": 1.3, "slow": 1.0, "very_slow": 0.7}[change.level]
        assert len(made.samples_T) / RATE == pytest.approx(2.0 / factor, abs=1e-3)
