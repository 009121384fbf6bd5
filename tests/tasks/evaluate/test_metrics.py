"""The metrics' names (SPEC E1): none carries the name of a paper's metric that it is not."""

from __future__ import annotations

import pytest

from tasks.evaluate.adverbs import DIRECTIONS
from tasks.evaluate.clip_metrics import Target, score_clip
from tasks.evaluate.metrics import METRICS
from tasks.evaluate.onset_sync_ap import onset_track
from tasks.evaluate.timbre import Timbre, mfcc_vector
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
    vector = mfcc_vector(audio, RATE_HZ)
    target = Target(
        truth=onset_track(audio, RATE_HZ), rate_hz=RATE_HZ, events_s=(1.0, 2.0, 3.0), from_s=0.0, to_s=4.0,
        timbre=Timbre.fit([vector, vector * 0.5]), reference=vector,
    )  # fmt: skip
    of_a_clip = set(score_clip(target, audio))
    of_pairs = {f"AdverbCheck direction right: {'/'.join(sides)}" for sides in DIRECTIONS.values()}
    assert of_a_clip | of_pairs | {"AdverbCheck direction right"} == set(METRICS)
