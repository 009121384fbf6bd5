"""Groups get numbers in the order in which they appear."""

from __future__ import annotations

import numpy as np
import pytest

from data_contracts.errors import ContractError
from tasks.evaluate.groups import group_index


def test_groups_are_numbered_in_the_order_of_appearance() -> None:
    assert list(group_index(["b", "a", "b", "c", "a"], 5)) == [0, 1, 0, 2, 1]
    assert list(group_index([3, None, "3", (1, 2)], 4)) == [0, 1, 2, 3]
    assert list(group_index(np.repeat([7, 5], 2), 4)) == [0, 0, 1, 1]
    assert len(group_index([], 0)) == 0


def test_a_row_without_a_group_is_refused() -> None:
    with pytest.raises(ContractError, match="2 groups for 3 rows; expected one per row"):
        group_index("ab", 3)
