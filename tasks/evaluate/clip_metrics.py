"""The metrics of one clip: how well its events are timed, its material and its level.

Legend: T samples. Only the scored part of a clip counts (SPEC E2: the target of AC-VTA, the new part of an extension).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.evaluate.attributes import level_db
from tasks.evaluate.events import event_f1, event_offset_s
from tasks.evaluate.material import MaterialClassifier, mfcc_statistics
from tasks.evaluate.metrics.loudness import lufs
from tasks.evaluate.metrics.quality import is_clipped, is_silent
from tasks.evaluate.onset_sync_ap import OnsetTrack, onset_sync_ap, onset_track
from tasks.evaluate.onsets import detect_onsets
from tasks.media.samples import Samples

_TOLERANCE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPart:
    """What is measured of the scored part of a clip, once for everything that it is compared with.

    `onsets_s` are detected in the whole clip, because an onset is a rise against what came before it. `material` is
    what the classifier hears; None of silent audio, and without a classifier.
    """

    track: OnsetTrack
    onsets_s: tuple[float, ...]
    material: str | None
    level_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a clip is compared with. `events_s`: the true times in the scored part, None where they are unknown; then
    there is no EventF1. `truth` is the true audio; `material` is the one that the clip should have, None where the
    classifier does not know it; then there is no score for it.
    """

    truth: ScoredPart
    events_s: tuple[float, ...] | None
    material: str | None = None


def window(samples_T: Samples, rate_hz: int, from_s: float, to_s: float) -> Samples:
    """Returns the samples between two times, padded with silence to the full length."""
    start, end = round(from_s * rate_hz), round(to_s * rate_hz)
    cut_T = samples_T[start:end]
    return np.pad(cut_T, (0, end - start - len(cut_T)))


def inside(times_s: Sequence[float], from_s: float, to_s: float) -> tuple[float, ...]:
    """Returns the times that lie in a window."""
    return tuple(time_s for time_s in times_s if from_s <= time_s < to_s)


def measure_part(
    samples_T: Samples, rate_hz: int, from_s: float, to_s: float, classifier: MaterialClassifier | None = None
) -> ScoredPart:
    """Returns what is measured between two times of a clip."""
    scored_T = window(samples_T, rate_hz, from_s, to_s)
    return ScoredPart(
        track=onset_track(scored_T, rate_hz),
        onsets_s=inside(detect_onsets(window(samples_T, rate_hz, 0.0, to_s), rate_hz), from_s, to_s),
        material=classifier.material(mfcc_statistics(scored_T, rate_hz)) if classifier else None,
        level_db=level_db(scored_T, rate_hz),
    )


def score_clip(target: Target, part: ScoredPart) -> dict[str, float]:
    """Returns metric name -> value, without metrics that are undefined for this clip (no event matched, no onset)."""
    scores = _event_scores(target, part)
    if (onset := onset_sync_ap(target.truth.track, part.track)) is not None:
        scores["OnsetSyncAP"] = onset.ap
        scores["OnsetSyncAcc"] = onset.accuracy
    if target.material is not None:
        scores["Material right"] = float(part.material == target.material)
    scores["level_difference_db"] = part.level_db - target.truth.level_db
    scores["level_dbfs"] = part.level_db
    return scores


def score_by_itself(samples_T: Samples, rate_hz: int, from_s: float, to_s: float) -> dict[str, float]:
    """Returns what a part of a clip is, compared with nothing: 1 or 0 for silent and clipped, LUFS of audible audio."""
    part_T = window(samples_T, rate_hz, from_s, to_s)
    scores = {"silent": float(is_silent(part_T, rate_hz)), "clipped": float(is_clipped(part_T))}
    loudness = lufs(part_T, rate_hz)
    return scores if loudness is None else {**scores, "lufs": loudness}


def _event_scores(target: Target, part: ScoredPart) -> dict[str, float]:
    if target.events_s is None:
        return {}
    scores = {
        "EventF1@100ms": event_f1(target.events_s, part.onsets_s, 0.1),
        "EventF1@50ms": event_f1(target.events_s, part.onsets_s, 0.05),
    }
    offset = event_offset_s(target.events_s, part.onsets_s, _TOLERANCE_S)
    return scores if offset is None else {**scores, "EventOffset_s": offset}
