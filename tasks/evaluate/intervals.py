"""95 % confidence intervals of a mean or median over clips. Clips of one group (one object, one recording) are alike.

24 clips of 7 objects say less than 24 clips of 24 objects: intervals count groups, not clips. With a single group there
is no interval. `tests/tasks/evaluate/test_intervals.py` measures the coverage.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

Bounds = tuple[float, float] | tuple[None, None]

_RESAMPLES: Final = 2000
_TAIL: Final = 0.025
_FEW_GROUPS: Final = 6


def share_interval(values: Sequence[float], groups: Sequence[Hashable]) -> Bounds:
    """Returns the interval of the share of ones among values of 0 and 1; (None, None) with fewer than two groups.

    Clopper and Pearson's exact interval when every group has one value, so 16 of 16 does not give zero width. Otherwise
    Korn and Graubard's (1998): the same at the effective number of values, n over the design effect, corrected for the
    few groups that the design effect is estimated from. It undercovers when groups agree almost perfectly.
    """
    n, sums, _, offsets = _by_group(values, groups)
    if len(sums) < 2:
        return None, None
    share = float(sums.sum() / n)
    effective = float(n)
    if len(sums) < n:
        simple = share * (1 - share) / n
        clustered = len(sums) / (len(sums) - 1) * float(np.square(offsets).sum()) / n**2
        effective /= max(1.0, clustered / simple if simple > 0 else 1.0)
        effective *= float(stats.t.ppf(_TAIL, n - 1) / stats.t.ppf(_TAIL, len(sums) - 1)) ** 2
    ones, zeros = share * effective, (1 - share) * effective
    low = stats.beta.ppf(_TAIL, ones, zeros + 1) if share > 0 else 0.0
    high = stats.beta.ppf(1 - _TAIL, ones + 1, zeros) if share < 1 else 1.0
    return float(low), float(high)


def mean_interval(values: Sequence[float], groups: Sequence[Hashable], seed: int) -> Bounds:
    """Returns the interval of the mean; (None, None) with fewer than two groups.

    A bootstrap that resamples whole groups. Its quantiles are widened as Hesterberg (2015) does for few groups: the
    plain percentile interval is too narrow by the same amount as one with the normal in place of Student's t. With
    fewer than six groups a bootstrap is too narrow anyway; the interval is then Student's, from the groups' deviations.
    """
    n, sums, sizes, offsets = _by_group(values, groups)
    count = len(sums)
    if count < 2:
        return None, None
    if count < _FEW_GROUPS:
        mean, error = sums.sum() / n, np.sqrt(count / (count - 1) * np.square(offsets).sum()) / n
        half = stats.t.ppf(1 - _TAIL, count - 1) * error
        return float(mean - half), float(mean + half)
    chosen = np.random.default_rng(seed).integers(0, count, (_RESAMPLES, count))
    means = sums[chosen].sum(axis=1) / sizes[chosen].sum(axis=1)
    low, high = np.quantile(means, _tails(count))
    return float(low), float(high)


def median_interval(values: Sequence[float], groups: Sequence[Hashable], seed: int) -> Bounds:
    """Returns the interval of the median; (None, None) with fewer than six groups, which no exact interval covers.

    A bootstrap that resamples whole groups, widened as that of the mean.
    """
    order = np.argsort(values, kind="stable")
    data = np.asarray(values, np.float64)[order]
    places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    count = len(places)
    if count < _FEW_GROUPS:
        return None, None
    index = np.array([places[group] for group in groups], np.intp)[order]
    chosen = np.random.default_rng(seed).integers(0, count, (_RESAMPLES, count))
    rows = np.arange(_RESAMPLES)[:, None] * count
    times = np.bincount((chosen + rows).ravel(), minlength=_RESAMPLES * count).reshape(_RESAMPLES, count)[:, index]
    reached = 2 * np.cumsum(times, axis=1) >= times.sum(axis=1, keepdims=True)
    low, high = np.quantile(data[reached.argmax(axis=1)], _tails(count))
    return float(low), float(high)


def _tails(count: int) -> list[float]:
    """Returns the bootstrap's quantiles for so many groups (Hesterberg 2015)."""
    tail = float(stats.norm.cdf(np.sqrt(count / (count - 1)) * stats.t.ppf(_TAIL, count - 1)))
    return [tail, 1 - tail]


_Floats = npt.NDArray[np.float64]


def _by_group(values: Sequence[float], groups: Sequence[Hashable]) -> tuple[int, _Floats, _Floats, _Floats]:
    """Returns the number of values, and per group the sum, the size and the sum of deviations from the mean."""
    places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    index = np.array([places[group] for group in groups], np.intp)
    data = np.asarray(values, np.float64)
    sums = np.bincount(index, data, len(places)).astype(np.float64)
    sizes = np.bincount(index, minlength=len(places)).astype(np.float64)
    mean = data.mean() if len(data) else 0.0
    return len(data), sums, sizes, sums - sizes * mean
