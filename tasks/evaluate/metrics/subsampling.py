"""How sure an FD or KAD is, and an FD of infinitely many rows: both from subsets without repeated rows.

Drawing with replacement, as a bootstrap does, repeats rows, so covariances lose rank and the FD rises by far more than
its own spread. Whole groups are drawn or left out: a clip's patches, or clips of one object, are alike.

Legend: N generated and M reference rows, D width, G groups.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy import stats

from tasks.evaluate.groups import Indices, group_index
from tasks.evaluate.intervals import TAIL, Bounds
from tasks.evaluate.metrics.checks import Distance, Matrix, require_rows
from tasks.evaluate.metrics.frechet import Moments, frechet_distance
from tasks.evaluate.metrics.kernel import distances_without, kernel_distance

_FEWEST_GROUPS: Final = 8
_LEAST_SHARE: Final = 0.3  # of the groups, in the smallest subset of the extrapolation
_STEPS: Final = 15
_BLOCKS: Final = 100
_FEWEST_TO_EXTRAPOLATE: Final = 30
_ROWS_PER_WIDTH: Final = (3, 5)  # in the smallest subset, in all: with fewer the FD is no line over 1 / rows


def frechet_interval(
    generated_ND: Matrix,
    reference_MD: Matrix,
    groups: Sequence[Hashable],
    *,
    seed: int,
    reference_groups: Sequence[Hashable] | None = None,
    blocks: int = _BLOCKS,
) -> Bounds:
    """Returns `distance_interval` of the FD, cut at 0; a whole reference's moments are computed once."""
    whole = Moments.of(reference_MD)

    def distance(first_ND: Matrix, second_MD: Matrix) -> float:
        reference = whole if second_MD is reference_MD else Moments.of(second_MD)
        return frechet_distance(Moments.of(first_ND), reference)

    low, high = distance_interval(
        distance, generated_ND, reference_MD, groups, seed=seed, reference_groups=reference_groups, blocks=blocks
    )
    return (None, None) if low is None or high is None else (max(0.0, low), high)


def distance_interval(
    distance: Distance,
    generated_ND: Matrix,
    reference_MD: Matrix,
    groups: Sequence[Hashable],
    *,
    seed: int,
    reference_groups: Sequence[Hashable] | None = None,
    blocks: int = _BLOCKS,
) -> Bounds:
    """Returns a 95 % interval of the distance that other clips of the same number would give; (None, None) below 8
    groups.

    The spread is that of the distances without one group after the other (jackknife, Quenouille and Tukey 1958), with
    Student's quantile; more groups than `blocks` are first put into so many blocks at random. `groups`: one per
    generated row. The reference is kept whole, unless `reference_groups` gives one per reference row: then a group is
    left out on both sides at once, which adds what the choice of the test set's clips changes. It is wide rather than
    narrow. Raises as `distance`, and ContractError unless there is one group per row.
    """
    parts = _Parts.of(groups, reference_groups, len(generated_ND), len(reference_MD), seed, blocks)
    found = distance(generated_ND, reference_MD)
    if parts.groups < _FEWEST_GROUPS:
        return None, None
    values = []
    for left_out in range(parts.count):
        reference = reference_MD if parts.of_reference_M is None else reference_MD[parts.of_reference_M != left_out]
        values.append(distance(generated_ND[parts.of_generated_N != left_out], reference))
    return _jackknife(found, np.array(values))


def kernel_interval(
    generated_ND: Matrix,
    reference_MD: Matrix,
    groups: Sequence[Hashable],
    *,
    seed: int,
    reference_groups: Sequence[Hashable] | None = None,
    blocks: int = _BLOCKS,
) -> Bounds:
    """Returns `distance_interval` of KAD with the whole reference's bandwidth, from one pass over all pairs."""
    parts = _Parts.of(groups, reference_groups, len(generated_ND), len(reference_MD), seed, blocks)
    found = kernel_distance(generated_ND, reference_MD)
    if parts.groups < _FEWEST_GROUPS:
        return None, None
    return _jackknife(found, distances_without(generated_ND, reference_MD, parts.of_generated_N, parts.of_reference_M))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """The blocks that a jackknife leaves out: how many there are, of how many groups, and the block of each row."""

    count: int
    groups: int
    of_generated_N: Indices  # noqa: N815 (shape suffix)
    of_reference_M: Indices | None  # noqa: N815

    @classmethod
    def of(
        cls,
        groups: Sequence[Hashable],
        reference_groups: Sequence[Hashable] | None,
        n: int,
        n_reference: int,
        seed: int,
        blocks: int,
    ) -> Self:
        """Puts groups into at most so many blocks. Raises ContractError unless there is one group per row."""
        index_N, index_M = group_index(groups, n), None
        names = list(dict.fromkeys(groups))
        if reference_groups is not None:
            names = list(dict.fromkeys([*names, *reference_groups]))
            index_M = group_index([*names, *reference_groups], len(names) + n_reference)[len(names) :]
        block_G = np.random.default_rng(seed).permutation(len(names)) % blocks
        return cls(
            count=min(len(names), blocks),
            groups=len(names),
            of_generated_N=block_G[index_N],
            of_reference_M=None if index_M is None else block_G[index_M],
        )


def _jackknife(found: float, values: npt.NDArray[np.float64]) -> Bounds:
    """Returns the interval around a value, from the values without one part after the other."""
    error = float(np.std(values)) * (len(values) - 1) ** 0.5
    reach = float(stats.t.ppf(1 - TAIL, len(values) - 1)) * error
    return found - reach, found + reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Extrapolation:
    """FD-infinity: the intercept of a line through the FDs of subsets over 1 / rows, its slope and R^2, and the points.

    A low R^2 says that the subsets' FDs are no line, so that the intercept means little. It can be below 0.
    """

    value: float
    slope: float
    r_squared: float
    sizes: tuple[int, ...]
    values: tuple[float, ...]


def frechet_infinity(
    generated_ND: Matrix,
    reference_MD: Matrix,
    *,
    seed: int,
    groups: Sequence[Hashable] | None = None,
    steps: int = _STEPS,
) -> Extrapolation:
    """Returns the FD extrapolated to infinitely many generated rows (Chong and Forsyth 2020, as fadtk's FAD-inf).

    Subsets of 30 % (of at least 3 rows per column) to all of the groups (of the rows, without `groups`) are drawn,
    evenly spaced in the inverse of their size. The reference is kept whole: its own n still matters. Raises
    UndefinedMetricError for fewer than 30 groups or 5 rows per column (the line would end far below 0), otherwise as
    `frechet_distance`.
    """
    index_N = group_index(groups if groups is not None else range(len(generated_ND)), len(generated_ND))
    count = int(index_N.max(initial=-1)) + 1
    require_rows(count, _FEWEST_TO_EXTRAPOLATE, "FD-infinity, groups of generated rows")
    in_smallest, in_all = (ratio * reference_MD.shape[1] for ratio in _ROWS_PER_WIDTH)
    require_rows(len(generated_ND), in_all, f"FD-infinity of width {reference_MD.shape[1]}")
    least = max(_LEAST_SHARE, in_smallest / len(generated_ND))
    reference, rng = Moments.of(reference_MD), np.random.default_rng(seed)
    sizes, values = [], []
    for share in 1 / np.linspace(1 / least, 1.0, steps):
        rows_N = _drawn(count, round(share * count), rng)[index_N]
        sizes.append(int(rows_N.sum()))
        values.append(frechet_distance(Moments.of(generated_ND[rows_N]), reference))
    inverse, found = 1 / np.array(sizes), np.array(values)
    slope, intercept = (float(number) for number in np.polyfit(inverse, found, 1))
    rest, total = found - (intercept + slope * inverse), found - found.mean()
    return Extrapolation(
        value=intercept,
        slope=slope,
        r_squared=float(1 - rest @ rest / max(float(total @ total), np.finfo(np.float64).tiny)),
        sizes=tuple(sizes),
        values=tuple(values),
    )


def _drawn(count: int, chosen: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Returns (G,) whether a group is in a random subset of `chosen` groups."""
    return np.asarray(rng.permutation(count) < chosen)
