"""Cells: intervals of metrics stay within what the metric can be."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tasks.evaluate.cells import NO_BOUNDS, clip_cell, interval, set_cell
from tasks.evaluate.columns import COLUMN_OF, COLUMNS
from tasks.evaluate.intervals import mean_interval
from tasks.evaluate.judged import FeatureSet
from tasks.evaluate.metrics.catalogue import METRICS
from tasks.evaluate.tables import metric_named


@pytest.mark.parametrize(
    ("metric", "values", "beyond"),
    [
        ("KL-corpus-cnn", [0.1, 4.0], (0.0, math.inf)),
        ("DeSync", [0.0, 1.2], (0.0, math.inf)),
        ("EventOffset_s", [0.0, 0.08], (0.0, math.inf)),
        ("likeness-corpus-cnn", [0.7, 1.0], (-1.0, 1.0)),
        ("CLAP_T", [-0.9, 0.9], (-1.0, 1.0)),
        ("OnsetSyncAP", [0.5, 0.9], (0.0, 1.0)),
    ],
)
def test_an_interval_of_few_clips_ends_where_the_metric_does(
    metric: str, values: list[float], beyond: tuple[float, float]
) -> None:
    low, high = mean_interval(values, "ab", 1)
    assert low is not None and high is not None and (low < beyond[0] or high > beyond[1])  # Student's of two groups
    found = interval(metric_named(metric), values, "ab", 1)
    assert found == (max(low, beyond[0]), min(high, beyond[1]))
    cell = clip_cell(metric_named(metric), values, "ab", 1)
    assert cell.bounds == found and cell.value is not None and found[0] is not None and found[0] <= cell.value


def test_an_interval_inside_the_range_and_one_without_a_range_stay_as_they_are() -> None:
    values = [0.3, 0.5, 0.4, 0.45, 0.35, 0.5, 0.42]
    for metric in ("KL-corpus-cnn", "likeness-corpus-cnn", "OnsetSyncAP"):
        assert interval(metric_named(metric), values, range(7), 1) == mean_interval(values, range(7), 1)
    wide = [-40.0, 60.0]
    assert interval(metric_named("Audiobox PQ"), wide, "ab", 1) == mean_interval(wide, "ab", 1)


def test_one_group_has_no_interval() -> None:
    assert interval(metric_named("KL-corpus-cnn"), [1.0, 2.0], "aa", 1) == (None, None)


def test_every_metric_of_single_clips_has_a_range_but_levels_and_a_judges_own_scale() -> None:
    metrics = METRICS | {one.name: one.metric for one in COLUMNS if one.is_per_clip}
    without = {
        name
        for name, metric in metrics.items()
        if not (metric.is_share or metric.is_median or metric.limits) and math.isinf(metric.possible[0])
    }
    assert without == {one.name for one in COLUMNS if one.measure == "axis"}


@pytest.mark.parametrize("name", ["FD-corpus-cnn", "KAD-corpus-cnn"])
def test_a_distance_of_two_clips_has_a_value_without_an_interval(name: str) -> None:
    rng = np.random.default_rng(0)
    few, many = (
        FeatureSet(rows=rng.standard_normal((n, 4)).astype(np.float32), owners=tuple(range(n))) for n in (2, 10)
    )
    cell = set_cell(COLUMN_OF[name], few, many, list(range(10)), 1, with_interval=True)
    assert cell.value is not None and cell.bounds == NO_BOUNDS and cell.why_empty is None
    assert set_cell(COLUMN_OF[name], many, many, list(range(10)), 1, with_interval=True).bounds != NO_BOUNDS
