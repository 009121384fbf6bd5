"""The metrics of one clip: how well its events are timed, and how alike its timbre is to the reference's.

Legend: T samples. Only the scored part of a clip counts (SPEC E2: the target of AC-VTA, the new part of an extension).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.evaluate.events import event_f1, event_offset_s
from tasks.evaluate.onset_sync_ap import OnsetTrack, onset_sync_ap, onset_track
from tasks.evaluate.onsets import detect_onsets
from tasks.evaluate.timbre import Timbre, Vector, mfcc_vector
from tasks.media.samples import Samples

_TOLERANCE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a clip is compared with. `events_s` is None where the true times are unknown; then there is no EventF1.

    `truth` is the scored part of the true audio; `reference` is the timbre vector that the clip should match.
    """

    truth: OnsetTrack
    rate_hz: int
    events_s: tuple[float, ...] | None
    from_s: float
    to_s: float
    timbre: Timbre
    reference: Vector


def window(samples_T: Samples, rate_hz: int, from_s: float, to_s: float) -> Samples:
    """Returns the samples between two times, padded with silence to the full length."""
    start, end = round(from_s * rate_hz), round(to_s * rate_hz)
    cut_T = samples_T[start:end]
    return np.pad(cut_T, (0, end - start - len(cut_T)))


def score_clip(target: Target, samples_T: Samples) -> dict[str, float]:
    """Returns metric name -> value, without metrics that are undefined for this clip (no event matched, no onset)."""
    scores = _event_scores(target, samples_T)
    scored_T = window(samples_T, target.rate_hz, target.from_s, target.to_s)
    if (onset := onset_sync_ap(target.truth, onset_track(scored_T, target.rate_hz))) is not None:
        scores["OnsetSyncAP"] = onset.ap
        scores["OnsetSyncAcc"] = onset.accuracy
    scores["MFCC-cos"] = target.timbre.cosine(target.reference, mfcc_vector(scored_T, target.rate_hz))
    return scores


def _event_scores(target: Target, samples_T: Samples) -> dict[str, float]:
    if target.events_s is None:
        return {}
    truth = _inside(target.events_s, target)
    # Onsets are detected in the whole clip, because an onset is a rise against what came before it.
    found = _inside(detect_onsets(samples_T, target.rate_hz), target)
    scores = {
        "EventF1@100ms": event_f1(truth, found, 0.1),
        "EventF1@50ms": event_f1(truth, found, 0.05),
    }
    offset = event_offset_s(truth, found, _TOLERANCE_S)
    return scores if offset is None else {**scores, "EventOffset_s": offset}


def _inside(times_s: Sequence[float], target: Target) -> list[float]:
    return [time for time in times_s if target.from_s <= time < target.to_s]
