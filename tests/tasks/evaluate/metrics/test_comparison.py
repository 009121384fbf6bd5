"""Distances of unequal numbers of rows are never ranked."""

from __future__ import annotations

import numpy as np
import pytest

from data_contracts.errors import ContractError
from tasks.evaluate.metrics.comparison import SetDistance, ranked, why_not_ranked
from tasks.evaluate.metrics.frechet import feature_distance


def test_equal_numbers_are_ranked_by_value() -> None:
    distances = {
        name: SetDistance(value=value, n=40, n_reference=50) for name, value in (("b", 2.0), ("a", 1.0), ("c", 3.0))
    }
    assert ranked(distances) == ["a", "b", "c"] and why_not_ranked(distances) is None
    assert ranked({}) == []


@pytest.mark.parametrize(
    "second", [SetDistance(value=1.0, n=41, n_reference=50), SetDistance(value=1, n=40, n_reference=9)]
)
def test_unequal_numbers_are_not(second: SetDistance) -> None:
    distances = {"A": SetDistance(value=2.0, n=40, n_reference=50), "B": second}
    reason = why_not_ranked(distances)
    assert reason is not None and f"A 40 against 50, B {second.n} against {second.n_reference}" in reason
    with pytest.raises(ContractError, match="not ranked: the numbers of rows differ"):
        ranked(distances)


def test_the_reason_is_true_more_rows_of_one_distribution_have_a_smaller_fd() -> None:
    rng = np.random.default_rng(0)
    reference, generated = rng.normal(size=(2000, 16)), rng.normal(size=(800, 16))
    values = [feature_distance(generated[:n], reference) for n in (40, 200, 800)]
    assert values[0] > 2 * values[1] > 4 * values[2]
