"""One cell of the score table: a value with its interval and numbers, or why there is none."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from data_contracts import ContractError
from tasks.evaluate.columns import Column
from tasks.evaluate.intervals import Bounds, mean_interval, median_interval, share_interval
from tasks.evaluate.judged import FeatureSet, column_distance, set_value
from tasks.evaluate.metrics.catalogue import Metric
from tasks.evaluate.metrics.checks import UndefinedMetricError
from tasks.evaluate.metrics.set_baselines import at_half, first_half, other_half
from tasks.evaluate.metrics.subsampling import frechet_interval, kernel_interval

NO_BOUNDS: Final[Bounds] = (None, None)
_INTERVALS: Final = {"frechet": (frechet_interval, 100), "kernel": (kernel_interval, 4)}
"""Measure -> the function of its interval, and as how many calls of the distance it works."""
_MOST_WORK: Final = 2e12  # floating-point operations: about a minute on two cores
Groups = Sequence[Hashable]
"""The group of each clip or value, by its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A value over `n` clips of `n_groups` groups; of a set metric also the number of clips it is compared with.

    Of several generation seeds it is the mean, and `seed_sd` their standard deviation (`tasks.evaluate.seeds`).
    """

    value: float | None = None
    bounds: Bounds = NO_BOUNDS
    n: int = 0
    n_groups: int = 0
    n_reference: int | None = None
    why_empty: str | None = None
    n_seeds: int = 1
    seed_sd: float | None = None


def interval(metric: Metric, values: Sequence[float], owners: Groups, seed: int) -> Bounds:
    """Returns the 95 % interval of a metric: exact for shares, a bootstrap over groups otherwise.

    It ends at the smallest and the largest possible value: that of few groups would go further.
    """
    if metric.is_share:
        return share_interval(values, owners)
    if metric.is_median:
        return median_interval(values, owners, seed)
    low, high = mean_interval(values, owners, seed, metric.limits)
    least, most = metric.range
    return NO_BOUNDS if low is None or high is None else (max(least, low), min(most, high))


def clip_cell(metric: Metric, values: Sequence[float], owners: Groups, seed: int) -> Cell:
    """Returns the mean, or the median of levels, of the values of single clips; `owners`: the group of each."""
    value = float(np.median(values) if metric.is_median else np.mean(values))
    bounds = interval(metric, values, owners, seed)
    return Cell(value=value, bounds=bounds, n=len(values), n_groups=len(set(owners)))


def set_cell(
    column: Column, made: FeatureSet, reference: FeatureSet, groups: Groups, seed: int, *, with_interval: bool = False
) -> Cell:
    """Returns a set metric; of FD and KAD with an interval where it is asked for."""
    if not made.clips or not reference.clips:
        return Cell(why_empty=f"not computed: judge {column.judge} says nothing of these clips")
    owners = made.groups(groups)

    def bounds() -> Bounds:
        interval_of, calls = _INTERVALS.get(column.measure, (None, 0))
        if interval_of is None or not with_interval or not is_affordable(column, made, reference, calls):
            return NO_BOUNDS
        return interval_of(made.rows, reference.rows, owners, seed=seed, reference_groups=reference.groups(groups))

    def value() -> float:
        return set_value(column, made.rows, reference.rows, owners, seed)

    return _cell(value, bounds, made, owners, None if column.measure == "inception" else reference.clips)


def half_cell(column: Column, made: FeatureSet | None, reference: FeatureSet, groups: Groups, seed: int) -> Cell:
    """Returns the distance of half of a system's clips to half of the reference's; without a system, of its own halves.

    Both have equal numbers of clips, so they can be compared; the second is what a perfect system would get.
    """
    owners, distance = reference.groups(groups), column_distance(column)

    def value() -> float:
        if made is None:
            return other_half(distance, reference.rows, owners, seed=seed).value
        return at_half(distance, made.rows, reference.rows, owners, seed=seed).value

    cell = _cell(value, lambda: NO_BOUNDS, reference, owners, None)
    if cell.value is None:
        return cell
    clips = list(dict.fromkeys(reference.owners))
    in_first = first_half([groups[clip] for clip in clips], len(clips), seed)
    n = int(in_first.sum())
    return replace(cell, n=n, n_groups=cell.n_groups // 2, n_reference=len(clips) - n)


def is_affordable(column: Column, made: FeatureSet, reference: FeatureSet, calls: int) -> bool:
    """Whether so many calls of a distance take minutes at most: those of wide features take hours."""
    rows, width = len(made.rows) + len(reference.rows), made.rows.shape[1]
    once = 2 * rows * width**2 + 25 * width**3 if column.measure == "frechet" else 2 * rows**2 * width
    return calls * once <= _MOST_WORK


def _cell(
    value: Callable[[], float],
    bounds: Callable[[], Bounds],
    made: FeatureSet,
    owners: Groups,
    n_reference: int | None,
) -> Cell:
    try:
        found = value()
    except ContractError as error:
        return Cell(why_empty=f"not computed: {error}")
    try:
        interval_of_it = bounds()
    except UndefinedMetricError:  # too few clips for one
        interval_of_it = NO_BOUNDS
    return Cell(value=found, bounds=interval_of_it, n=made.clips, n_groups=len(set(owners)), n_reference=n_reference)
