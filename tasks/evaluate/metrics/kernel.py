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
    require_pairs,
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
    (first_ND, second_MD), rate = _centred(reference_MD, bandwidth, generated_ND)
    across = sum((_kernel_sum(block, rate) for block in _blocks(first_ND, second_MD)), 0.0)
    return SCALE * (
        _mean_within(first_ND, rate) + _mean_within(second_MD, rate) - 2 * across / (len(first_ND) * len(second_MD))
    )


def exchange_differences(first_ND: Matrix, second_ND: Matrix, reference_MD: Matrix) -> Vector:
    """Returns (N,) numbers of which the mean is KAD of the first set minus KAD of the second one. Row n of both is the
    same clip: where the two rows are exchanged between the sets, the number changes its sign, and the mean is again
    the difference, because the kernel's sums over both sets together stay as they are.

    Raises as `kernel_distance`, and ContractError unless both sets have the same shape.
    """
    require_pairs(first_ND, second_ND, f"{_NAME}, features of two systems")
    (one_ND, other_ND, second_MD), rate = _centred(reference_MD, None, first_ND, second_ND)
    count, both = len(one_ND), np.concatenate([one_ND, other_ND])
    within = _row_sums(both, both, rate) / (count - 1)
    across = _row_sums(both, second_MD, rate) / len(second_MD)
    of_row = SCALE * (within - 2 * across)
    return np.asarray(of_row[:count] - of_row[count:])


def distances_without(
    generated_ND: Matrix,
    reference_MD: Matrix,
    block_N: npt.NDArray[np.intp],
    block_M: npt.NDArray[np.intp] | None = None,
) -> Vector:
    """Returns (P,) KAD without the rows of one block after the other, with the bandwidth of the whole reference.

    `block_N`: the block of each generated row, a number from 0 to P - 1; `block_M`: of each reference row, which is
    then left out at once; without it the reference stays whole. Raises as `kernel_distance`.
    """
    (first_ND, second_MD), rate = _centred(reference_MD, None, generated_ND)
    whole_M = np.zeros(len(second_MD), np.intp) if block_M is None else block_M
    blocks = int(max(block_N.max(), whole_M.max())) + 1
    across_PP = _block_sums(first_ND, second_MD, block_N, whole_M, rate, blocks)
    across_P = across_PP.sum() - across_PP.sum(axis=1)
    rows_P, within_P = _within_without(first_ND, block_N, rate, blocks)
    if block_M is None:
        columns_P, of_reference = np.full(blocks, len(second_MD)), np.full(blocks, _mean_within(second_MD, rate))
    else:
        columns_P, of_reference = _within_without(second_MD, block_M, rate, blocks)
        across_P += np.diag(across_PP) - across_PP.sum(axis=0)
    return np.asarray(SCALE * (within_P + of_reference - 2 * across_P / (rows_P * columns_P)))


def _within_without(
    features_ND: _Block, block_N: npt.NDArray[np.intp], rate: float, blocks: int
) -> tuple[Vector, Vector]:
    """Returns (P,) the number of rows without a block, and the kernel's mean over pairs of different ones of them."""
    count_P = np.bincount(block_N, minlength=blocks)
    sums_PP = _block_sums(features_ND, features_ND, block_N, block_N, rate, blocks)
    left_P = len(features_ND) - count_P
    if left_P.min() < 2:
        raise UndefinedMetricError(f"{_NAME}: needs at least 2 rows without a block, got {left_P.min()}")
    pairs_P = sums_PP.sum() - 2 * sums_PP.sum(axis=1) + np.diag(sums_PP) - left_P  # a row is 1 with itself
    return left_P.astype(np.float64), pairs_P / (left_P * (left_P - 1))


def _block_sums(
    first_ND: _Block,
    second_MD: _Block,
    block_N: npt.NDArray[np.intp],
    block_M: npt.NDArray[np.intp],
    rate: float,
    blocks: int,
) -> _Block:
    """Returns (P, P) the kernel's sums over the rows of a block of the first set and of one of the second."""
    sums_PP, member_MP = np.zeros((blocks, blocks)), np.eye(blocks)[block_M]
    for start in range(0, len(first_ND), _BLOCK):
        part = slice(start, start + _BLOCK)
        sums_BP = np.zeros((len(first_ND[part]), blocks))
        for place, squared in enumerate(_blocks(first_ND[part], second_MD)):
            sums_BP += np.exp(-rate * squared) @ member_MP[place * _BLOCK : (place + 1) * _BLOCK]
        np.add.at(sums_PP, block_N[part], sums_BP)
    return sums_PP


def _centred(reference_MD: Matrix, bandwidth: float | None, *sets: Matrix) -> tuple[tuple[_Block, ...], float]:
    """Returns the sets and then the reference around the reference's mean, where distances keep more digits, and the
    kernel's rate."""
    require_matrix(reference_MD, f"{_NAME}, reference features")
    for features_ND in sets:
        require_matrix(features_ND, f"{_NAME}, generated features")
        require_same_width(features_ND.shape[1], reference_MD.shape[1], _NAME)
        require_rows(len(features_ND), 2, f"{_NAME}, generated features")
    spread = median_distance(reference_MD) if bandwidth is None else bandwidth
    centre_D = reference_MD.mean(axis=0, dtype=np.float64)
    return tuple(features - centre_D for features in (*sets, reference_MD)), 1 / (2 * spread**2 + _STEADY)


def _row_sums(rows_ND: _Block, others_MD: _Block, rate: float) -> Vector:
    """Returns (N,) the kernel's sum over all other rows."""
    sums_N = np.zeros(len(rows_ND))
    for start in range(0, len(rows_ND), _BLOCK):
        part = slice(start, start + _BLOCK)
        for squared in _blocks(rows_ND[part], others_MD):
            sums_N[part] += np.exp(-rate * squared).sum(axis=1)
    return sums_N


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
