"""Types of metrics, and checks of what they are given: arrays of the right shape, finite, and enough rows.

Legend: N rows, D columns (feature width or classes).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from data_contracts.errors import ContractError
from data_contracts.quantities import counted

Matrix = npt.NDArray[np.floating]
"""Features or logits (N, D): one row per clip, or per patch of a clip."""
Vector = npt.NDArray[np.float64]
Distance = Callable[[Matrix, Matrix], float]
"""A set metric of generated and reference features, such as `frechet.feature_distance` or `kernel.kernel_distance`."""


class UndefinedMetricError(ContractError):
    """The metric is not defined for these data, e.g. for too few clips; the message is the reason for an empty cell."""


def require_matrix(values_ND: Matrix, what: str) -> None:
    """Raises ContractError unless the values are (N, D) with at least one column, and finite."""
    if values_ND.ndim != 2 or not values_ND.shape[1]:
        raise ContractError(f"{what}: shape {values_ND.shape}, expected (rows, columns)")
    finite_N = np.asarray(np.isfinite(values_ND).all(axis=1))
    if not finite_N.all():
        bad = int((~finite_N).sum())
        first = int(np.argmin(finite_N))
        raise ContractError(
            f"{what}: NaN or infinity in {counted(bad, 'row')} of {len(finite_N)}, first in row {first}"
        )


def require_rows(count: int, least: int, what: str) -> None:
    """Raises UndefinedMetricError with fewer rows than a metric needs."""
    if count < least:
        raise UndefinedMetricError(f"{what}: needs at least {counted(least, 'row')}, got {count}")


def require_same_width(first: int, second: int, what: str) -> None:
    """Raises ContractError when two sets of features have different widths."""
    if first != second:
        raise ContractError(f"{what}: features of widths {first} and {second}; both must come from the same judge")


def require_pairs(first_ND: Matrix, second_ND: Matrix, what: str) -> None:
    """Raises ContractError unless both are finite and of one shape, row by row of the same clip; and
    UndefinedMetricError without rows."""
    require_matrix(first_ND, what)
    require_matrix(second_ND, what)
    if first_ND.shape != second_ND.shape:
        raise ContractError(f"{what}: shapes {first_ND.shape} and {second_ND.shape}; expected one row per clip in both")
    require_rows(len(first_ND), 1, what)


def require_length(sequence_length: int, rows: int, what: str) -> None:
    """Raises ContractError unless there is one entry per row."""
    if sequence_length != rows:
        raise ContractError(f"{what}: {sequence_length} entries for {counted(rows, 'row')}")
