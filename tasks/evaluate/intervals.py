"""95 % confidence intervals of a mean or median over clips. Clips of one group (one object, one recording) are alike.

24 clips of 7 objects say less than 24 clips of 24 objects: intervals count groups, not clips. With a single group there
is no interval. `python -m benchmarks.evaluation coverage` measures how often they
contain the truth.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from tasks.evaluate.groups import group_index

Bounds = tuple[float, float] | tuple[None, None]

_RESAMPLES: Final = 2000
TAIL: Final = 0.025
"""Outside a 95 % interval, on each side."""
_FEW_GROUPS: Final = 6
_SHARES: Final = 250  # of the posterior distribution's grid
_CORRELATIONS: Final = 12
_PILED: Final = 0.2  # of the values at a limit
_UNSEEN: Final = 0.25  # of a group at the limit


def share_interval(values: Sequence[float], groups: Sequence[Hashable]) -> Bounds:
    """Returns the interval of the share of ones among values of 0 and 1; (None, None) with fewer than two groups.

    When every group has one value it is the exact binomial interval with mid-p (Lancaster 1961), so 16 of 16 does not
    give zero width. Otherwise groups may agree, and how much is as unknown as the share: the interval is that of the
    beta-binomial distribution, with a uniform prior of the share and an arcsine prior of the correlation within groups.
    """
    n, sums, sizes, _ = _by_group(values, groups)
    if len(sums) < 2:
        return None, None
    low, high = _exact_bounds(float(sums.sum()), n) if len(sums) == n else _grouped_bounds(sums, sizes)
    return 0.0 if not sums.any() else low, 1.0 if sums.sum() == n else high


def mean_interval(
    values: Sequence[float], groups: Sequence[Hashable], seed: int, limits: tuple[float, float] | None = None
) -> Bounds:
    """Returns the interval of the mean; (None, None) with fewer than two groups.

    A bootstrap that resamples whole groups. Its quantiles are widened as Hesterberg (2015) does for few groups: the
    plain percentile interval is too narrow by the same amount as one with the normal in place of Student's t. With
    fewer than six groups a bootstrap is too narrow anyway; the interval is then Student's, from the groups' deviations.

    `limits`: the metric's smallest and largest value. Where a fifth of the values are at one of them, groups that
    differ may not have been drawn, which no resampling shows: `_piled_bounds` allows for them.
    """
    n, sums, sizes, offsets = _by_group(values, groups)
    count = len(sums)
    if count < 2:
        return None, None
    if limits is not None and np.isin(values, limits).mean() >= _PILED:
        return _piled_bounds(sums, sizes, limits, seed)
    if count < _FEW_GROUPS:
        mean, error = sums.sum() / n, np.sqrt(count / (count - 1) * np.square(offsets).sum()) / n
        half = stats.t.ppf(1 - TAIL, count - 1) * error
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
    index = group_index(groups, len(values))[order]
    count = int(index.max(initial=-1)) + 1
    if count < _FEW_GROUPS:
        return None, None
    chosen = np.random.default_rng(seed).integers(0, count, (_RESAMPLES, count))
    rows = np.arange(_RESAMPLES)[:, None] * count
    times = np.bincount((chosen + rows).ravel(), minlength=_RESAMPLES * count).reshape(_RESAMPLES, count)[:, index]
    reached = 2 * np.cumsum(times, axis=1) >= times.sum(axis=1, keepdims=True)
    low, high = np.quantile(data[reached.argmax(axis=1)], _tails(count))
    return float(low), float(high)


def _tails(count: int) -> list[float]:
    """Returns the bootstrap's quantiles for so many groups (Hesterberg 2015)."""
    tail = float(stats.norm.cdf(np.sqrt(count / (count - 1)) * stats.t.ppf(TAIL, count - 1)))
    return [tail, 1 - tail]


_Floats = npt.NDArray[np.float64]


def _exact_bounds(ones: float, n: int) -> tuple[float, float]:
    """Returns the shares at which as many ones or more, or as few or fewer, have a probability of 2.5 % (mid-p)."""

    def at_least(share: float) -> float:
        return float(special.bdtrc(ones - 1, n, share) + special.bdtrc(ones, n, share)) / 2

    low = optimize.brentq(lambda share: at_least(share) - TAIL, 0.0, 1.0) if ones else 0.0
    high = optimize.brentq(lambda share: at_least(share) - (1 - TAIL), 0.0, 1.0) if ones < n else 1.0
    return float(low), float(high)


def _grouped_bounds(sums_G: _Floats, sizes_G: _Floats) -> tuple[float, float]:
    """Returns the quantiles of the share's posterior distribution; groups with equal counts are counted together."""
    places = (np.arange(_SHARES) + 0.5) / _SHARES
    alike = np.sin(np.pi / 2 * (np.arange(_CORRELATIONS) + 0.5) / _CORRELATIONS) ** 2
    ones, zeros = np.multiply.outer(places, 1 / alike - 1), np.multiply.outer(1 - places, 1 / alike - 1)
    found, times = np.unique(np.stack([sums_G, sizes_G - sums_G]), axis=1, return_counts=True)
    likelihood = np.zeros_like(ones)
    for (hits, misses), count in zip(found.T, times, strict=True):
        likelihood += count * (special.betaln(ones + hits, zeros + misses) - special.betaln(ones, zeros))
    weight = np.exp(likelihood - likelihood.max()).sum(axis=1)
    cumulative = np.concatenate([[0.0], np.cumsum(weight)]) / weight.sum()
    low, high = np.interp([TAIL, 1 - TAIL], cumulative, np.arange(_SHARES + 1) / _SHARES)
    return float(low), float(high)


def _piled_bounds(sums_G: _Floats, sizes_G: _Floats, limits: tuple[float, float], seed: int) -> tuple[float, float]:
    """Returns quantiles of means with random weights of the groups (Rubin's Bayesian bootstrap 1981).

    A quarter of a group is added to them, with the lowest value for the lower quantile and the highest for the upper.
    """
    rng = np.random.default_rng(seed)
    weights = rng.standard_exponential((_RESAMPLES, len(sums_G)))
    unseen = rng.standard_gamma(_UNSEEN, _RESAMPLES) * sizes_G.mean()
    total, size = weights @ sums_G, weights @ sizes_G + unseen
    low = np.quantile((total + limits[0] * unseen) / size, TAIL)
    high = np.quantile((total + limits[1] * unseen) / size, 1 - TAIL)
    return float(low), float(high)


def _by_group(values: Sequence[float], groups: Sequence[Hashable]) -> tuple[int, _Floats, _Floats, _Floats]:
    """Returns the number of values, and per group the sum, the size and the sum of deviations from the mean."""
    index = group_index(groups, len(values))
    data = np.asarray(values, np.float64)
    sums = np.bincount(index, data).astype(np.float64)
    sizes = np.bincount(index).astype(np.float64)
    mean = data.mean() if len(data) else 0.0
    return len(data), sums, sizes, sums - sizes * mean
