"""Tests of FD and KAD between two systems: differences are found, seeds are kept together, and what has no test."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.commands.evaluate.set_tests import set_test
from tasks.evaluate.columns import COLUMN_OF
from tasks.evaluate.judged import FeatureSet, column_distance
from tasks.evaluate.significance import LEVEL, SWAPS

CLIPS = 20
COLUMNS = [COLUMN_OF["FD-corpus-cnn"], COLUMN_OF["KAD-corpus-cnn"]]


def features(seed: int, *, shift: float = 0.0, patches: int = 1) -> FeatureSet:
    rows = shift + np.random.default_rng(seed).normal(size=(CLIPS * patches, 3)).astype(np.float32)
    return FeatureSet(rows=rows, owners=tuple(range(CLIPS)) * patches)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
@pytest.mark.parametrize("patches", [1, 2])
def test_a_worse_system_is_found_and_an_equal_one_is_not(column, patches: int) -> None:
    reference = features(0, patches=patches)
    near, other, far = (
        features(1, patches=patches),
        features(2, patches=patches),
        features(3, shift=1.5, patches=patches),
    )
    worse = set_test(column, [far], [near], reference, range(CLIPS), family=2, seed=0)
    equal = set_test(column, [other], [near], reference, range(CLIPS), family=2, seed=0)
    assert worse is not None and equal is not None
    assert worse.p_value < 0.02 and worse.difference > 0 and equal.p_value > 0.05
    assert (worse.n, worse.n_groups) == (CLIPS, CLIPS)  # clips, not rows
    distance = column_distance(column)
    assert worse.difference == pytest.approx(distance(far.rows, reference.rows) - distance(near.rows, reference.rows))


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_of_several_seeds_the_mean_is_tested_and_a_clips_seeds_are_no_more_clips(column) -> None:
    reference, ours, theirs = features(0), [features(n) for n in (1, 2)], [features(n, shift=0.4) for n in (3, 4)]
    both = set_test(column, ours, theirs, reference, range(CLIPS), family=1, seed=0)
    assert both is not None and both.n_groups == CLIPS
    distance = column_distance(column)
    means = [np.mean([distance(one.rows, reference.rows) for one in system]) for system in (ours, theirs)]
    assert both.difference == pytest.approx(means[0] - means[1])
    assert set_test(column, ours, theirs[:1], reference, range(CLIPS), family=1, seed=0) is None


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_among_many_tests_the_smallest_p_still_passes(column) -> None:
    found = set_test(column, [features(1, shift=2)], [features(2)], features(0), range(CLIPS), family=40, seed=0)
    assert found is not None and found.p_value == found.least_p < LEVEL / 40 < 1 / SWAPS


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_other_clips_too_few_or_too_much_work_have_no_test(column, monkeypatch: pytest.MonkeyPatch) -> None:
    reference, ours = features(0), features(1)
    fewer = FeatureSet(rows=ours.rows[1:], owners=ours.owners[1:])
    assert set_test(column, [ours], [fewer], reference, range(CLIPS), family=1, seed=0) is None
    single = FeatureSet(rows=ours.rows[:1], owners=(0,))
    assert set_test(column, [single], [single], single, range(CLIPS), family=1, seed=0) is None
    monkeypatch.setattr("tasks.commands.evaluate.set_tests.is_affordable", lambda *_: False)
    assert set_test(column, [ours], [ours], reference, range(CLIPS), family=1, seed=0) is None
