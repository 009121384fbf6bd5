"""A metric on which noise, clicks or silence are no worse than real audio is named; others are not."""

from __future__ import annotations

import pytest

from data_contracts import Score
from tasks.commands.evaluate.cautions import WORTHLESS, cautions
from tasks.commands.evaluate.result import Caution
from tasks.evaluate import baselines
from tasks.evaluate.columns import COLUMN_OF
from tasks.evaluate.tables import metric_named

GOOD = {"ours": 0.9, baselines.TRUTH: 1.0, baselines.SHUFFLED: 0.4, baselines.NOISE: 0.1, baselines.SILENCE: 0.0}


def cells(metric: str, values: dict[str, float | None]) -> dict[str, dict[str, Score]]:
    """Returns the scores of one metric by system."""
    known = metric_named(metric)
    found = {
        name: Score(
            item_id=name,
            task="all",
            system=name,
            checkpoint=None,
            metric=metric,
            value=value,
            ci_low=None,
            ci_high=None,
            n=0 if value is None else 5,
            n_groups=0 if value is None else 5,
            is_baseline=name not in ("ours", "theirs"),
            backend=known.backend,
            higher_is_better=known.higher_is_better,
            why_empty="not computed" if value is None else None,
        )
        for name, value in values.items()
    }
    return {metric: found}


@pytest.mark.parametrize("metric", ["likeness-mn04", "KL-mn04"])
def test_a_metric_that_ranks_them_rightly_has_none(metric: str) -> None:
    sign = 1 if metric_named(metric).higher_is_better else -1
    assert cautions(cells(metric, {name: sign * value for name, value in GOOD.items()})) == []


@pytest.mark.parametrize("metric", ["likeness-mn04", "KL-mn04"])
def test_the_best_worthless_baseline_and_all_that_it_beats_are_named(metric: str) -> None:
    sign = 1 if metric_named(metric).higher_is_better else -1
    values = {**GOOD, "theirs": 0.45, baselines.NOISE: 0.5, baselines.SILENCE: 0.45, baselines.CLICKS: None}
    found = cautions(cells(metric, {name: None if v is None else sign * v for name, v in values.items()}))
    beaten = {"theirs": 0.45 * sign, baselines.SHUFFLED: 0.4 * sign}
    assert found == [Caution(metric=metric, baseline=baselines.NOISE, value=0.5 * sign, beaten=beaten)]


@pytest.mark.parametrize("baseline", WORTHLESS)
def test_every_worthless_baseline_counts_and_as_good_is_enough(baseline: str) -> None:
    (found,) = cautions(cells("OnsetSyncAP", {"ours": 0.7, baseline: 0.7}))
    assert (found.baseline, found.beaten) == (baseline, {"ours": 0.7})


def test_the_truth_and_other_baselines_are_not_what_is_beaten() -> None:
    assert cautions(cells("OnsetSyncAP", {baselines.TRUTH: 0.2, baselines.NOISE: 0.1, baselines.SILENCE: 0.9})) == []


@pytest.mark.parametrize("metric", ["lufs", "level_dbfs", "unwanted speech-mn04", "Resemblyzer-VAD emptied", "silent"])
def test_levels_and_faults_have_none(metric: str) -> None:
    """Silence has no speech, and that says nothing against the metric."""
    values = {"ours": 0.5, **(dict.fromkeys(WORTHLESS, 0.0) if metric != "silent" else {})}
    assert cautions(cells(metric, values)) == []
    assert metric not in COLUMN_OF or COLUMN_OF[metric].is_share


def test_metrics_without_a_value_of_a_worthless_baseline_or_a_system_have_none() -> None:
    assert cautions(cells("KL-mn04", {"ours": None, baselines.SILENCE: 1.0})) == []
    assert cautions(cells("KL-mn04", {"ours": 3.0, baselines.SHUFFLED: 4.0})) == []
    assert cautions({"KL-mn04": {}}) == []
