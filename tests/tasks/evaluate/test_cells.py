"""Cells of the score table: numbers of clips and groups are those that were compared, whatever a judge's rows are."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.evaluate.cells import half_cell, set_cell
from tasks.evaluate.columns import COLUMN_OF
from tasks.evaluate.judged import FeatureSet

COLUMN = COLUMN_OF["FD_VGG"]
GROUPS = ["a", "a", "a", "b", "c", "d", "d", "e"]
"""Of eight clips."""


def features(patches: list[int], seed: int = 0) -> FeatureSet:
    """Returns so many rows of each clip."""
    owners = tuple(np.repeat(np.arange(len(patches)), patches).tolist())
    rows = np.random.default_rng(seed).standard_normal((len(owners), 3)).astype(np.float32)
    return FeatureSet(rows=rows, owners=owners)


@pytest.mark.parametrize("patches", [[1] * 8, [9, 1, 1, 1, 1, 1, 1, 30]])
@pytest.mark.parametrize("seed", range(4))
def test_halves_count_clips_and_groups_not_rows(patches: list[int], seed: int) -> None:
    whole = features([8] * 8)
    expected = half_cell(COLUMN, None, whole, GROUPS, seed)
    reference = features(patches)
    for made in (None, features(patches, 1)):
        cell = half_cell(COLUMN, made, reference, GROUPS, seed)
        assert (cell.n, cell.n_reference, cell.n_groups) == (expected.n, expected.n_reference, 2)
        assert cell.value is None or cell.n + (cell.n_reference or 0) == 8


def test_halves_of_a_single_group_have_a_reason_and_no_numbers() -> None:
    cell = half_cell(COLUMN, None, features([2] * 8), ["a"] * 8, 1)
    assert (cell.value, cell.n, cell.n_groups) == (None, 0, 0)
    assert cell.why_empty == "not computed: half of the reference: needs at least 2 groups, got 1"


def test_a_set_of_which_nothing_is_said_has_a_reason() -> None:
    nothing = FeatureSet(rows=np.zeros((0, 0), np.float32), owners=())
    for made, reference in ((nothing, features([1] * 8)), (features([1] * 8), nothing)):
        cell = set_cell(COLUMN, made, reference, GROUPS, 1)
        assert cell.why_empty == "not computed: judge vggish says nothing of these clips" and cell.n == 0
