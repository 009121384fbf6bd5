"""95 % confidence intervals of a mean or median over clips. Clips of one group (one object, one recording) are alike.

24 clips of 7 objects say less than 24 clips of 24 objects: intervals count groups, not clips. With a single group there
is no interval. `python -m benchmarks.evaluation coverage` measures how often they
contain the truth.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from tasks.evaluate.groups import group_index

Bounds = tuple[float, float] | tuple[None, None]

_RESAMPLES: Final = 2000
TAIL: Final = 0.025
"""Outside a 95 % interval, on each side."""
_FEW_GROUPS: Final = 6
_SHARES: Final = 250  # of the posterior distribution's grid
_CORRELATIONS: Final = 24
_PRIOR: Final = (0.15, 0.2)  # of the correlation, a beta distribution: chosen by the coverage that it gives
_PILED: Final = 0.2  # of the values at a limit
_UNSEEN: Final = 0.1  # of a group at the limit, chosen by the coverage, too
_UNSEEN_OF_FEW: Final = 0.25
_TIE: Final = 1e-9  # probabilities that differ by this share are the same, computed in another way


def share_interval(values: Sequence[float], groups: Sequence[Hashable]) -> Bounds:
    """Returns the interval of the share of ones among values of 0 and 1; (None, None) with fewer than two groups.

    When every group has one value it is the exact binomial interval of Sterne (1954) with mid-p: the shares at which
    outcomes that are no likelier than the found one have more than 5 %, the equally likely ones counted half. 16 of 16
    does not give zero width, and near 1, where one side cannot be missed, the other has all 5 %. Otherwise groups may
    agree, and how much is as unknown as the share: the interval is that of the beta-binomial distribution, with a
    uniform prior of the share and a U-shaped one of the correlation within groups.
    """
    n, sums, sizes, _ = _by_group(values, groups)
    if len(sums) < 2:
        return None, None
    low, high = _exact_bounds(int(sums.sum()), n) if len(sums) == n else _grouped_bounds(_counts(sums, sizes))
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
        return _piled_bounds(values, sums, sizes, limits, seed)
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


def _tails(count: int, divisor: int | None = None) -> list[float]:
    """Returns the quantiles for so many groups (Hesterberg 2015), of means whose variance is the groups' by `divisor`;
    a bootstrap's is their number."""
    tail = float(stats.norm.cdf(np.sqrt((divisor or count) / (count - 1)) * stats.t.ppf(TAIL, count - 1)))
    return [tail, 1 - tail]


_Floats = npt.NDArray[np.float64]


@lru_cache(maxsize=4096)
def _exact_bounds(ones: int, n: int) -> tuple[float, float]:
    """Returns the smallest and the largest share that Sterne's test with mid-p keeps."""
    low, high = special.betaincinv([max(ones, 1), ones + 1], [n - ones + 1, max(n - ones, 1)], [1e-4, 1 - 1e-4])
    first, last = _kept_range(ones, n, low if ones else 0.0, high if ones < n else 1.0)
    step = (high - low) / (_SHARES - 1)
    lowest, _ = _kept_range(ones, n, first - step, first)
    _, highest = _kept_range(ones, n, last, last + step)
    return (lowest if ones else 0.0), (highest if ones < n else 1.0)


def _kept_range(ones: int, n: int, start: float, stop: float) -> tuple[float, float]:
    """Returns the smallest and the largest share of a grid that the test keeps."""
    shares_S = np.linspace(start, stop, _SHARES).clip(0.0, 1.0)
    counts_K = np.arange(n + 1)
    ways_K = special.gammaln(n + 1) - special.gammaln(counts_K + 1) - special.gammaln(n - counts_K + 1)
    chance_SK = np.exp(
        ways_K + special.xlogy(counts_K, shares_S[:, None]) + special.xlog1py(n - counts_K, -shares_S[:, None])
    )
    own_S1 = chance_SK[:, ones, None]
    tied_SK = np.abs(chance_SK - own_S1) <= _TIE * own_S1
    weight_SK = np.where(tied_SK, 0.5, chance_SK < own_S1)
    kept_S = shares_S[(weight_SK * chance_SK).sum(axis=1) > 2 * TAIL]
    return float(kept_S[0]), float(kept_S[-1])


def _counts(sums_G: _Floats, sizes_G: _Floats) -> tuple[tuple[float, float, int], ...]:
    """Returns the hits and misses of groups, and how many groups have as many."""
    found, times = np.unique(np.stack([sums_G, sizes_G - sums_G]), axis=1, return_counts=True)
    return tuple((float(hits), float(misses), int(count)) for (hits, misses), count in zip(found.T, times, strict=True))


@lru_cache(maxsize=4096)
def _grouped_bounds(counts: tuple[tuple[float, float, int], ...]) -> tuple[float, float]:
    """Returns the quantiles of the share's posterior distribution."""
    places = (np.arange(_SHARES) + 0.5) / _SHARES
    edges = np.sin(np.pi / 2 * np.arange(2 * _CORRELATIONS + 1) / (2 * _CORRELATIONS)) ** 2
    alike, prior = edges[1::2], np.diff(special.betainc(*_PRIOR, edges[::2]))
    ones, zeros = np.multiply.outer(places, 1 / alike - 1), np.multiply.outer(1 - places, 1 / alike - 1)
    likelihood = np.zeros_like(ones)
    for hits, misses, count in counts:
        likelihood += count * (special.betaln(ones + hits, zeros + misses) - special.betaln(ones, zeros))
    weight = np.exp(likelihood - likelihood.max()) @ prior
    cumulative = np.concatenate([[0.0], np.cumsum(weight)]) / weight.sum()
    low, high = np.interp([TAIL, 1 - TAIL], cumulative, np.arange(_SHARES + 1) / _SHARES)
    return float(low), float(high)


def _piled_bounds(
    values: Sequence[float], sums_G: _Floats, sizes_G: _Floats, limits: tuple[float, float], seed: int
) -> tuple[float, float]:
    """Returns quantiles of means with random weights of the groups (Rubin's Bayesian bootstrap 1981).

    A part of a group is added to them, with the lowest value for the lower quantile and the highest for the upper. It
    has as many clips as say something of their own: one where the clips of a group differ as those of different groups
    do, all where they are equal. Below six groups it is a quarter of a whole group, and the quantiles are the plain
    ones; otherwise they are widened as those of the bootstrap.
    """
    rng, count = np.random.default_rng(seed), len(sums_G)
    weights = rng.standard_exponential((_RESAMPLES, count))
    if count < _FEW_GROUPS:
        unseen = rng.standard_gamma(_UNSEEN_OF_FEW, _RESAMPLES) * sizes_G.mean()
        tails = [TAIL, 1 - TAIL]
    else:
        clips = 1 + (sizes_G.mean() - 1) * _correlation(np.asarray(values, np.float64), sums_G, sizes_G)
        unseen = rng.standard_gamma(_UNSEEN, _RESAMPLES) * clips
        tails = _tails(count, count + 1)  # random weights spread less than drawn groups do
    total, size = weights @ sums_G, weights @ sizes_G + unseen
    low = np.quantile((total + limits[0] * unseen) / size, tails[0])
    high = np.quantile((total + limits[1] * unseen) / size, tails[1])
    return float(low), float(high)


def _correlation(values_N: _Floats, sums_G: _Floats, sizes_G: _Floats) -> float:
    """Returns how alike the values of a group are, from 0 to 1: the intraclass correlation of a one-way analysis of
    variance; 1 where all values are equal, 0 where every group has one value."""
    n, count = len(values_N), len(sums_G)
    if n == count:
        return 0.0
    between = float((sums_G**2 / sizes_G).sum() - n * values_N.mean() ** 2)
    within = (float(np.square(values_N - values_N.mean()).sum()) - between) / (n - count)
    between /= count - 1
    size = (n - float((sizes_G**2).sum()) / n) / (count - 1)
    total = between + (size - 1) * within
    return float(np.clip((between - within) / total, 0, 1)) if total > _TIE else 1.0


def _by_group(values: Sequence[float], groups: Sequence[Hashable]) -> tuple[int, _Floats, _Floats, _Floats]:
    """Returns the number of values, and per group the sum, the size and the sum of deviations from the mean."""
    index = group_index(groups, len(values))
    data = np.asarray(values, np.float64)
    sums = np.bincount(index, data).astype(np.float64)
    sizes = np.bincount(index).astype(np.float64)
    mean = data.mean() if len(data) else 0.0
    return len(data), sums, sizes, sums - sizes * mean
