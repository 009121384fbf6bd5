"""What metrics refuse, in one line that says where."""

from __future__ import annotations

import numpy as np
import pytest

from data_contracts.errors import ContractError
from tasks.evaluate.metrics.checks import (
    UndefinedMetricError,
    require_length,
    require_matrix,
    require_pairs,
    require_rows,
    require_same_width,
)  # fmt: skip


def test_right_input_passes() -> None:
    require_matrix(np.ones((3, 2)), "x")
    require_matrix(np.ones((0, 2)), "x")
    require_rows(2, 2, "x")
    require_same_width(4, 4, "x")
    require_pairs(np.ones((3, 2)), np.zeros((3, 2)), "x")
    require_length(3, 3, "x")


@pytest.mark.parametrize("shape", [(3,), (3, 0), (2, 2, 2)])
def test_other_shapes_are_named(shape: tuple[int, ...]) -> None:
    with pytest.raises(ContractError, match=r"x: shape .*, expected") as raised:
        require_matrix(np.ones(shape), "x")
    assert str(shape) in str(raised.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_row_that_is_not_finite_is_named(value: float) -> None:
    values = np.ones((5, 3))
    values[2:4, 1] = value
    with pytest.raises(ContractError, match="x: NaN or infinity in 2 rows of 5, first in row 2"):
        require_matrix(values, "x")


def test_what_is_undefined_is_told_from_what_is_wrong() -> None:
    with pytest.raises(UndefinedMetricError, match="x: needs at least 1 row, got 0"):
        require_pairs(np.ones((0, 2)), np.ones((0, 2)), "x")
    with pytest.raises(ContractError) as raised:
        require_pairs(np.ones((1, 2)), np.ones((2, 2)), "x")
    assert not isinstance(raised.value, UndefinedMetricError)
    assert issubclass(UndefinedMetricError, ContractError)  # one handler refuses both
