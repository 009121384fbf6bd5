"""The metrics of one clip (SPEC E2): only the scored part counts, undefined metrics are absent."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tasks.evaluate.clip_metrics import Target, score_clip, window
from tasks.evaluate.onset_sync_ap import onset_track
from tasks.evaluate.timbre import Timbre, mfcc_vector
from tasks.media.samples import Samples
from tests.tasks.evaluate.sounds import RATE_HZ, bursts, noise

EVENTS = (0.6, 1.4, 2.5, 3.3, 4.7)
TRUTH = bursts(EVENTS, duration_s=6.0)
SILENCE = np.zeros(6 * RATE_HZ, np.float32)
TIMBRE = Timbre.fit([mfcc_vector(audio, RATE_HZ) for audio in (TRUTH, noise(6.0), bursts([1, 2], decay_s=0.2))])


def target(from_s: float = 0.0, to_s: float = 6.0, events_s: tuple[float, ...] | None = EVENTS) -> Target:
    return Target(
        truth=onset_track(window(TRUTH, RATE_HZ, from_s, to_s), RATE_HZ), rate_hz=RATE_HZ, events_s=events_s,
        from_s=from_s, to_s=to_s, timbre=TIMBRE, reference=mfcc_vector(TRUTH, RATE_HZ),
    )  # fmt: skip


@pytest.mark.parametrize(("from_s", "to_s"), [(0.0, 1.0), (0.25, 0.75), (0.5, 2.0), (1.0, 1.0)])
def test_a_window_has_its_length_and_is_padded_with_silence(from_s: float, to_s: float) -> None:
    audio = noise(1.0)
    cut = window(audio, RATE_HZ, from_s, to_s)
    start, end = round(from_s * RATE_HZ), round(to_s * RATE_HZ)
    assert len(cut) == end - start
    inside = audio[start:end]
    np.testing.assert_array_equal(cut[: len(inside)], inside)
    assert not cut[len(inside) :].any()


def test_the_truth_is_perfect_and_silence_is_not() -> None:
    truth, silence = score_clip(target(), TRUTH), score_clip(target(), SILENCE)
    assert truth["EventF1@50ms"] == truth["EventF1@100ms"] == truth["OnsetSyncAP"] == 1.0
    assert truth["MFCC-cos"] == pytest.approx(1.0)
    assert silence["EventF1@100ms"] == silence["OnsetSyncAcc"] == 0.0
    assert "EventOffset_s" in truth and "EventOffset_s" not in silence  # no event is matched


def test_without_true_times_there_is_no_event_score() -> None:
    scores = score_clip(target(events_s=None), TRUTH)
    assert set(scores) == {"OnsetSyncAP", "OnsetSyncAcc", "MFCC-cos"}


def test_nothing_to_find_on_either_side_has_no_onset_score() -> None:
    quiet = dataclasses.replace(target(events_s=()), truth=onset_track(SILENCE, RATE_HZ))
    scores = score_clip(quiet, SILENCE)
    assert scores["EventF1@50ms"] == 1.0 and "OnsetSyncAP" not in scores


@pytest.mark.parametrize("seed", [1, 2])
def test_audio_outside_of_the_scored_part_does_not_matter(seed: int) -> None:
    changed: Samples = TRUTH.copy()
    changed[: 2 * RATE_HZ] = bursts([0.3, 1.1], duration_s=2.0, seed=seed)
    scored = target(from_s=2.2)
    assert score_clip(scored, changed) == pytest.approx(score_clip(scored, TRUTH), abs=1e-6)
    assert score_clip(target(), changed)["EventF1@50ms"] < 1.0


def test_an_event_right_at_the_start_of_the_scored_part_is_found() -> None:
    assert score_clip(target(from_s=2.45), TRUTH)["EventF1@50ms"] == 1.0


def test_a_shift_beyond_the_tolerance_loses_events() -> None:
    late = np.concatenate([np.zeros(round(0.07 * RATE_HZ), np.float32), TRUTH])[: len(TRUTH)]
    scores = score_clip(target(), late)
    assert scores["EventF1@50ms"] == 0.0 and scores["EventF1@100ms"] == 1.0
    assert scores["EventOffset_s"] == pytest.approx(0.07, abs=0.012)
