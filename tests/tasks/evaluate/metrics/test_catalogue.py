"""The metrics' names (SPEC E1): none carries the name of a paper's metric that it is not."""

from __future__ import annotations

import math

import pytest

from tasks.evaluate.adverbs import DIRECTIONS
from tasks.evaluate.clip_metrics import Target, measure_part, score_clip
from tasks.evaluate.columns import COLUMN_OF
from tasks.evaluate.material import MaterialClassifier, mfcc_statistics
from tasks.evaluate.metrics.catalogue import METRICS, QUALITY
from tests.tasks.evaluate.sounds import RATE_HZ, bursts

PAPER_NAMES = ("FD_VGG", "IS", "CLAP", "IB-score", "DeSync", "KL", "Resemblyzer")


@pytest.mark.parametrize("name", PAPER_NAMES)
def test_e1_no_placeholder_carries_a_paper_metrics_name(name: str) -> None:
    assert not any(name.casefold() in metric.casefold().split() for metric in METRICS)


def test_every_metric_says_what_computes_it() -> None:
    assert all("weights" in metric.backend for metric in METRICS.values())
    assert not METRICS["EventOffset_s"].higher_is_better


def test_all_scores_of_a_clip_and_all_directions_are_in_the_table() -> None:
    audio = bursts([1.0, 2.0, 3.0], duration_s=4.0)
    known = [
        mfcc_statistics(bursts([0.5], decay_s=decay_s, seed=n), RATE_HZ) for decay_s in (0.01, 0.2) for n in range(4)
    ]
    classifier = MaterialClassifier.fit(known, ["short"] * 4 + ["long"] * 4)
    part = measure_part(audio, RATE_HZ, 0.0, 4.0, classifier)
    target = Target(truth=part, events_s=(1.0, 2.0, 3.0), material="short")
    of_a_clip = set(score_clip(target, part))
    of_pairs = {f"AdverbCheck direction right: {'/'.join(sides)}" for sides in DIRECTIONS.values()}
    assert of_a_clip | of_pairs | {"AdverbCheck direction right"} | set(QUALITY) == set(METRICS)


def test_the_range_of_a_metric_is_that_of_shares_its_limits_or_what_is_possible() -> None:
    names = ("silent", "EventF1@50ms", "EventOffset_s", "lufs")
    assert [METRICS[name].range for name in names] == [(0, 1), (0, 1), (0, math.inf), (-math.inf, math.inf)]
    of_judges = ("CLAP_T", "KL_PANNs", "FD_VGG")
    assert [COLUMN_OF[name].metric.range for name in of_judges] == [(-1, 1), (0, math.inf), (-math.inf, math.inf)]


def test_limits_are_the_smallest_and_largest_values_of_metrics_that_often_have_them() -> None:
    limited = {name for name, metric in METRICS.items() if metric.limits}
    assert limited == {"EventF1@100ms", "EventF1@50ms", "OnsetSyncAP", "OnsetSyncAcc"}
