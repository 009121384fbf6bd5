"""Kernel audio distance (KAD): the unbiased squared MMD of two sets of features (arXiv 2502.15602), times 100.

Gaussian kernel exp(-d^2 / (2 s^2)), s the median distance between two rows of the reference. Distances are computed in
blocks, so memory grows with the number of rows, not with its square.

Legend: N generated and M reference rows, D width, B rows of a block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from tasks.evaluate.metrics.checks import (
    Matrix,
    UndefinedMetricError,
    Vector,
    require_matrix,
    require_rows,
    require_same_width,
)  # fmt: skip

SCALE: Final = 100.0
_NAME: Final = "KAD"
_BLOCK: Final = 1024
_EXACT_PAIRS: Final = 1 << 22  # so many distances are sorted as they are; of more, a histogram is made
_BINS: Final = 1 << 18
_SAMPLE: Final = 1024
_BRACKET: Final = (0.35, 0.65)  # quantiles of the sample between which the median of all is expected
_STEADY: Final = 1e-8  # added to 2 s^2, as in the authors' toolkit
_Block = npt.NDArray[np.float64]


def kernel_distance(generated_ND: Matrix, reference_MD: Matrix, bandwidth: float | None = None) -> float:
    """Returns KAD: about 0, also below it, for sets of one distribution, whatever their sizes.

    `bandwidth`: s, by default `median_distance(reference_MD)`. Raises UndefinedMetricError for fewer than two rows or a
    reference whose rows are all the same, ContractError for other shapes, widths that differ or values that are not
    finite.
    """
    require_matrix(generated_ND, f"{_NAME}, generated features")
    require_matrix(reference_MD, f"{_NAME}, reference features")
    require_same_width(generated_ND.shape[1], reference_MD.shape[1], _NAME)
    require_rows(len(generated_ND), 2, f"{_NAME}, generated features")
    spread = median_distance(reference_MD) if bandwidth is None else bandwidth
    centre_D = reference_MD.mean(axis=0, dtype=np.float64)  # distances keep more digits near the origin
    first_ND: _Block = generated_ND - centre_D
    second_MD: _Block = reference_MD - centre_D
    rate = 1 / (2 * spread**2 + _STEADY)
    across = sum((_kernel_sum(block, rate) for block in _blocks(first_ND, second_MD)), 0.0)
    return SCALE * (
        _mean_within(first_ND, rate) + _mean_within(second_MD, rate) - 2 * across / (len(first_ND) * len(second_MD))
    )


def median_distance(features_MD: Matrix) -> float:
    """Returns the median Euclidean distance of all pairs of rows, of an even number the lower of the middle two.

    Of more than four million pairs it is read from a histogram, to 1e-6. Raises as `kernel_distance`.
    """
    require_matrix(features_MD, f"{_NAME}, reference features")
    require_rows(len(features_MD), 2, f"{_NAME}, reference features")
    centred_MD: _Block = features_MD - features_MD.mean(axis=0, dtype=np.float64)
    pairs = len(centred_MD) * (len(centred_MD) - 1) // 2
    squared = _all_squared(centred_MD) if pairs <= _EXACT_PAIRS else None
    median = _lower_median(squared) if squared is not None else _histogram_median(centred_MD, pairs)
    if median <= 0:
        raise UndefinedMetricError(f"{_NAME}: most of the {len(features_MD)} reference rows are the same")
    return float(np.sqrt(median))


def _mean_within(features_ND: _Block, rate: float) -> float:
    """Returns the mean of the kernel over pairs of different rows."""
    total = sum((_kernel_sum(squared, rate) for squared in _pairs_within(features_ND)), 0.0)
    return 2 * total / (len(features_ND) * (len(features_ND) - 1))


def _kernel_sum(squared: npt.NDArray[np.float64], rate: float) -> float:
    return float(np.exp(-rate * squared).sum())


def _pairs_within(features_ND: _Block) -> Iterator[Vector]:
    """Yields the squared distances of all pairs of different rows, each pair once, some at a time."""
    for start in range(0, len(features_ND), _BLOCK):
        rows_BD = features_ND[start : start + _BLOCK]
        squared_BB = _squared(rows_BD, rows_BD)
        yield squared_BB[np.triu_indices(len(rows_BD), 1)]
        for block in _blocks(rows_BD, features_ND[start + _BLOCK :]):
            yield block.ravel()


def _blocks(first_ND: _Block, second_MD: _Block) -> Iterator[_Block]:
    """Yields the squared distances of all rows of two sets, up to 1024 x 1024 at a time."""
    for row in range(0, len(first_ND), _BLOCK):
        for column in range(0, len(second_MD), _BLOCK):
            yield _squared(first_ND[row : row + _BLOCK], second_MD[column : column + _BLOCK])


def _squared(first_BD: _Block, second_BD: _Block) -> _Block:
    norms = (np.einsum("nd,nd->n", one, one) for one in (first_BD, second_BD))
    squared_BB = np.add.outer(*norms)
    squared_BB -= 2 * first_BD @ second_BD.T
    return np.maximum(squared_BB, 0, out=squared_BB)


def _all_squared(features_ND: _Block) -> Vector:
    return np.concatenate(list(_pairs_within(features_ND)))


def _lower_median(values: Vector) -> float:
    place = (len(values) - 1) // 2
    return float(np.partition(values, place)[place])


def _histogram_median(features_MD: _Block, pairs: int) -> float:
    """Returns the median squared distance: a sample of rows says about where it is, a histogram there where exactly."""
    sample = _all_squared(features_MD[:: -(-len(features_MD) // _SAMPLE)])
    low, high = (float(bound) for bound in np.quantile(sample, _BRACKET))
    median = _median_between(features_MD, low, high, pairs)
    if median is None:  # the sample misled: look everywhere, then closely
        width = 5 * float(np.square(features_MD).sum(axis=1).max()) / _BINS  # none is above 4 times the largest norm
        rough = _median_between(features_MD, 0.0, width * _BINS, pairs) or 0.0
        median = _median_between(features_MD, max(0.0, rough - width), rough + width, pairs)
    return rough if median is None else median


def _median_between(features_MD: _Block, low: float, high: float, pairs: int) -> float | None:
    """Returns the median squared distance, to a part in a million of their difference, if it is between bounds."""
    if high <= low:
        return None
    below, counts = 0, np.zeros(_BINS, np.int64)
    for squared in _pairs_within(features_MD):
        below += int((squared < low).sum())
        places = (squared[(squared >= low) & (squared < high)] - low) * (_BINS / (high - low))
        counts += np.bincount(np.minimum(places.astype(np.intp), _BINS - 1), minlength=_BINS)
    wanted = (pairs - 1) // 2 - below
    if wanted < 0 or wanted >= counts.sum():
        return None
    place = int(np.searchsorted(np.cumsum(counts), wanted, side="right"))
    return low + (high - low) * (place + 0.5) / _BINS
