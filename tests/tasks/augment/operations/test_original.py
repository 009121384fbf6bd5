"""SPEC A3: fast and slow originals are the clip itself, trimmed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts.adverbs import change_of
from tasks.augment.ends import prepare_source
from tasks.augment.make import make_audio
from tasks.augment.operations.original import Original
from tasks.augment.recipe import recipes_for
from tests.tasks.augment.build import CONTEXT, make_context
from tests.tasks.sounds import RATE, strikes


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.floats(0.0, 2.5), min_size=1, max_size=6, unique_by=lambda s: round(s * 5)),
    st.floats(0.1, 0.9),
    st.integers(20, 5000),
)
def test_every_sample_between_the_silences_is_kept_in_16_bits(times_s: list[float], peak: float, lead: int) -> None:
    sound = strikes(3.0, sorted(times_s), peak=peak)
    source = prepare_source(np.pad(sound, lead), RATE, CONTEXT.config).samples_T
    made = make_audio(Original(), source, RATE, CONTEXT)
    np.testing.assert_allclose(made.samples_T, source, atol=0.51 / 32768)


@pytest.mark.parametrize("side", ["fast", "slow"])
def test_it_is_the_one_recipe_of_its_levels_and_has_no_effect_to_measure(side: str) -> None:
    assert list(recipes_for(change_of(side, side), 1, RATE, CONTEXT)) == [Original()]
    made = make_audio(Original(), strikes(0.6, [0.0, 0.5]), RATE, CONTEXT)
    assert made.measured.keys() == {"level_db", "peak_db", "dc_to_level_db", "edge_silence_s"}


def test_it_is_cut_at_the_longest_length_like_every_other_level() -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 4 * RATE).astype(np.float32)
    context = make_context(max_s=3.0)
    made = make_audio(Original(), sound, RATE, context)
    assert len(made.samples_T) == 3 * RATE and made.samples_T[-1] == 0


def test_nothing_that_is_known_of_the_clip_becomes_outdated() -> None:
    assert Original.outdated_attributes == () and Original().move_events([0.1, 2.0]) == [0.1, 2.0]
    assert Original().to_values() == {} and Original.from_values({"silence_db": -60.0}) == Original()
