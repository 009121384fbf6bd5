"""OnsetSyncAP as CondFoleyGen computes it, with its documented corner cases (SPEC E2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tasks.evaluate.onset_sync_ap import (
    RATE_HZ,
    OnsetScore,
    match_onsets,
    onset_sync_ap,
    onset_track,
    suppress_neighbours,
)
from tasks.media.samples import Samples
from tests.tasks.evaluate.sounds import bursts, noise

TIMES = (0.4, 0.9, 1.5)
SILENCE = np.zeros(2 * RATE_HZ, np.float32)


def score_of(target: Samples, generated: Samples) -> OnsetScore:
    score = onset_sync_ap(onset_track(target, RATE_HZ), onset_track(generated, RATE_HZ))
    assert score is not None
    return score


def hits(times: Sequence[float], seed: int = 0) -> Samples:
    return bursts(times, duration_s=2.0, rate_hz=RATE_HZ, seed=seed)


def test_e2_right_times_score_one_with_other_noise() -> None:
    score = score_of(hits(TIMES), hits(TIMES, seed=9))
    assert (score.ap, score.accuracy, score.same_count) == (1.0, 1.0, True)


def test_e2_no_generated_onset_scores_one_with_accuracy_zero() -> None:
    score = score_of(hits(TIMES), SILENCE)
    assert (score.ap, score.accuracy, score.same_count) == (1.0, 0.0, False)


def test_e2_no_target_onset_scores_zero_and_neither_is_undefined() -> None:
    assert score_of(SILENCE, hits(TIMES)).ap == 0.0
    silent = onset_track(SILENCE, RATE_HZ)
    assert onset_sync_ap(silent, silent) is None


def test_e2_all_wrong_with_equal_counts_scores_a_half() -> None:
    score = score_of(hits((0.4, 0.9)), hits((0.65, 1.5)))
    assert (score.ap, score.accuracy) == (0.5, 0.0)


def test_e2_noise_scores_high_which_is_why_baselines_are_printed_beside_it() -> None:
    scores = [score_of(hits(TIMES), noise(2.0, rate_hz=RATE_HZ, seed=seed)).ap for seed in range(8)]
    assert np.mean(scores) > 0.5


def test_the_last_target_counts_as_a_miss_only_while_generated_onsets_are_left() -> None:
    level = np.ones(2 * RATE_HZ, np.float32)
    level[0] = 0
    one_second = RATE_HZ
    labels, _, count = match_onsets([one_second, 30000, 40000], [one_second], level, 0.1)
    assert (labels, count) == ([1], 1)  # the two misses after it are not counted
    labels, _, count = match_onsets([5000, one_second], [one_second], level, 0.1)
    assert (labels, count) == ([1, 1], 1)
    labels, _, count = match_onsets([one_second], [one_second, 40000], level, 0.1)
    assert (labels, count) == ([1, 0], 1)


def test_the_window_of_a_tenth_of_a_second_is_strict() -> None:
    level = np.ones(2 * RATE_HZ, np.float32)
    level[0] = 0
    assert match_onsets([20000], [20000 + 2205], level, 0.1)[2] == 0
    assert match_onsets([20000], [20000 + 2204], level, 0.1)[2] == 1


def test_the_louder_candidate_at_its_onset_sample_is_taken() -> None:
    level = np.zeros(2 * RATE_HZ, np.float32)
    level[20000], level[21500], level[30000] = 0.4, 0.6, 1.0
    labels, scores, _ = match_onsets([20500], [20000, 21500], level, 0.1)
    assert labels == [1, 0]
    assert scores == pytest.approx([0.6, 0.4])


def test_neighbours_closer_than_50_ms_go_but_one_that_follows_a_removed_one_stays() -> None:
    assert suppress_neighbours([10000, 10500, 20000], [1.0, 0.5, 0.7]) == [10000, 20000]
    assert suppress_neighbours([10000, 11102], [1.0, 0.5]) == [10000]
    assert suppress_neighbours([10000, 11103], [1.0, 0.5]) == [10000, 11103]
    # 10400 goes, its follower 10800 is stepped over and survives that walk, then its own turn keeps it.
    assert suppress_neighbours([10000, 10400, 10800], [1.0, 0.2, 0.3]) == [10000, 10800]


def test_an_onset_behind_the_last_sample_is_matched_by_the_last_samples_level() -> None:
    level = np.zeros(1024, np.float32)
    level[-1] = 1.0
    assert match_onsets([900], [1024], level, 0.1) == ([1], [1.0], 1)
