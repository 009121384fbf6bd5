"""A training's history: one segment per change of settings or data, and where the training ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.config import TrainingConfig
from model.training.history import Segment, changed_settings, continued, last_step, settings_at_end

FIRST = Segment(data="a", settings={"lr": 1e-3, "steps": 10, "masks": {"drop_text": 0.1}})
SETTINGS = st.fixed_dictionaries({"lr": st.sampled_from([1e-3, 1e-4]), "steps": st.integers(1, 3)})


def test_equal_settings_and_data_are_the_same_segment():
    assert continued([FIRST], replace(FIRST, skipped=3), 7) == [FIRST]


def test_a_change_is_a_segment_with_what_changed():
    other = replace(FIRST, settings={**FIRST.settings, "lr": 5e-4, "masks": {"drop_text": 0.2}}, skipped=4)
    history = continued([FIRST], other, 7)
    assert history == [FIRST, Segment(from_step=7, data="a", settings={"lr": 5e-4, "masks": {"drop_text": 0.2}})]
    assert settings_at_end(history) == other.settings
    more = continued(history, replace(other, data="b"), 9)
    assert more[-1] == Segment(from_step=9, data="b", settings={})
    assert continued(more, FIRST, 12)[-1].settings == {"lr": 1e-3, "masks": {"drop_text": 0.1}}, (
        "back again is a change"
    )


def test_a_setting_that_an_earlier_release_did_not_have_is_a_change():
    assert changed_settings([FIRST], {**FIRST.settings, "new": 1}) == {"new": 1}


@given(st.lists(st.tuples(SETTINGS, st.sampled_from("ab")), min_size=1, max_size=6))
def test_the_last_segments_settings_are_always_those_that_were_asked_for(changes):
    history = [Segment(data=changes[0][1], settings=changes[0][0])]
    for step, (settings, data) in enumerate(changes[1:], start=1):
        history = continued(history, Segment(data=data, settings=settings), step)
        assert settings_at_end(history) == settings and history[-1].data == data
    assert [Segment.from_dict(segment.to_dict()) for segment in history] == history


@pytest.mark.parametrize(
    ("steps", "from_step", "more", "end"),
    [
        (100, 100, None, 110),  # finished: a tenth more
        (100, 95, None, 105),  # nearly finished: new data gets its share
        (100, 30, None, 100),  # early in the training
        (200, 100, None, 200),  # more steps are asked for
        (100, 130, 50, 180),  # one night after another
        (4, 4, None, 5),
    ],
)
def test_a_change_adds_steps_where_few_are_left(steps, from_step, more, end):
    config = TrainingConfig(steps=steps, continue_steps=more)
    assert last_step([FIRST], config) == steps, "a training without a change has its own steps"
    assert last_step([FIRST, Segment(from_step=from_step)], config) == end
