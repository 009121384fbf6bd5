"""The metrics of one clip (SPEC E2): only the scored part counts, undefined metrics are absent."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tasks.evaluate.clip_metrics import Target, inside, measure_part, score_by_itself, score_clip, window
from tasks.evaluate.material import MaterialClassifier, mfcc_statistics
from tasks.media.samples import Samples
from tests.tasks.evaluate.sounds import RATE_HZ, bursts, noise

EVENTS = (0.6, 1.4, 2.5, 3.3, 4.7)
TRUTH = bursts(EVENTS, duration_s=6.0)
SILENCE = np.zeros(6 * RATE_HZ, np.float32)


def target(from_s: float = 0.0, to_s: float = 6.0, events_s: tuple[float, ...] | None = EVENTS) -> Target:
    return Target(
        truth=measure_part(TRUTH, RATE_HZ, from_s, to_s),
        events_s=None if events_s is None else inside(events_s, from_s, to_s),
    )


def scores_of(audio_T: Samples, scored: Target | None = None, from_s: float = 0.0) -> dict[str, float]:
    """Returns the scores of the part from `from_s` to the end at 6 s."""
    return score_clip(scored or target(from_s), measure_part(audio_T, RATE_HZ, from_s, 6.0))


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
    truth, silence = scores_of(TRUTH), scores_of(SILENCE)
    assert truth["EventF1@50ms"] == truth["EventF1@100ms"] == truth["OnsetSyncAP"] == 1.0
    assert truth["level_difference_db"] == 0 and silence["level_difference_db"] == -80 - truth["level_dbfs"]
    assert silence["EventF1@100ms"] == silence["OnsetSyncAcc"] == 0.0
    assert "EventOffset_s" in truth and "EventOffset_s" not in silence  # no event is matched


def test_without_true_times_there_is_no_event_score() -> None:
    scores = scores_of(TRUTH, target(events_s=None))
    assert set(scores) == {"OnsetSyncAP", "OnsetSyncAcc", "level_difference_db", "level_dbfs"}


def test_a_part_by_itself_is_silent_or_clipped_or_neither_and_has_a_loudness_unless_silent() -> None:
    part = score_by_itself(TRUTH, RATE_HZ, 0.5, 6.0)
    quieter = score_by_itself(TRUTH * np.float32(0.5), RATE_HZ, 0.5, 6.0)
    assert (part["silent"], part["clipped"]) == (0.0, 0.0)
    assert part["lufs"] - quieter["lufs"] == pytest.approx(20 * np.log10(2), abs=0.01)
    assert score_by_itself(SILENCE, RATE_HZ, 0.0, 6.0) == {"silent": 1.0, "clipped": 0.0}
    clipped = np.clip(TRUTH * np.float32(100), -1, 1)
    assert score_by_itself(clipped, RATE_HZ, 0.5, 6.0)["clipped"] == 1.0
    late = np.concatenate([clipped[:RATE_HZ], TRUTH[RATE_HZ:]])  # only what lies before the part is clipped
    assert score_by_itself(late, RATE_HZ, 1.0, 6.0)["clipped"] == 0.0


def test_nothing_to_find_on_either_side_has_no_onset_score() -> None:
    quiet = dataclasses.replace(target(events_s=()), truth=measure_part(SILENCE, RATE_HZ, 0.0, 6.0))
    scores = scores_of(SILENCE, quiet)
    assert scores["EventF1@50ms"] == 1.0 and "OnsetSyncAP" not in scores


@pytest.mark.parametrize("seed", [1, 2])
def test_audio_outside_of_the_scored_part_does_not_matter(seed: int) -> None:
    changed: Samples = TRUTH.copy()
    changed[: 2 * RATE_HZ] = bursts([0.3, 1.1], duration_s=2.0, seed=seed)
    assert scores_of(changed, from_s=2.2) == pytest.approx(scores_of(TRUTH, from_s=2.2), abs=1e-6)
    assert scores_of(changed)["EventF1@50ms"] < 1.0


def test_an_event_right_at_the_start_of_the_scored_part_is_found() -> None:
    assert scores_of(TRUTH, from_s=2.45)["EventF1@50ms"] == 1.0


def test_a_shift_beyond_the_tolerance_loses_events() -> None:
    late = np.concatenate([np.zeros(round(0.07 * RATE_HZ), np.float32), TRUTH])[: len(TRUTH)]
    scores = scores_of(late)
    assert scores["EventF1@50ms"] == 0.0 and scores["EventF1@100ms"] == 1.0
    assert scores["EventOffset_s"] == pytest.approx(0.07, abs=0.012)


@pytest.mark.parametrize("gain_db", [-20.0, 6.0])
def test_a_changed_level_changes_the_level_and_no_timing(gain_db: float) -> None:
    scores = scores_of(TRUTH * np.float32(10 ** (gain_db / 20)))
    assert scores["level_difference_db"] == pytest.approx(gain_db, abs=0.01)
    assert scores["EventF1@50ms"] == 1.0


def test_a_material_is_right_wrong_or_unknown() -> None:
    known = [*(bursts(EVENTS, seed=n) for n in range(3)), *(noise(6.0, seed=n) for n in range(3))]
    classifier = MaterialClassifier.fit([mfcc_statistics(a, RATE_HZ) for a in known], ["burst"] * 3 + ["noise"] * 3)
    for material, audio, right in (
        ("burst", TRUTH, 1.0), ("noise", TRUTH, 0.0), ("noise", noise(6.0, seed=9), 1.0), ("burst", SILENCE, 0.0),
        ("noise", SILENCE, 0.0), (None, TRUTH, None),
    ):  # fmt: skip
        wanted = dataclasses.replace(target(), material=material)
        assert score_clip(wanted, measure_part(audio, RATE_HZ, 0.0, 6.0, classifier)).get("Material right") == right
    assert measure_part(TRUTH, RATE_HZ, 0.0, 6.0).material is None
