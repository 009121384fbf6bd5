"""OnsetSyncAP, CondFoleyGen's protocol to the letter (SPEC E2).

Its floor is high: silence scores 1, white noise 0.8, the reference pasted unchanged 0.6. So it is always printed
beside chance rows and EventF1. Times are samples at 22,050 Hz.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import librosa
import numpy as np
from sklearn.metrics import average_precision_score

from tasks.media.audio import resample
from tasks.media.samples import Samples

RATE_HZ: Final = 22_050
BACKEND: Final = f"CondFoleyGen, librosa {version('librosa')}, scikit-learn {version('scikit-learn')}, no weights"
_PEAK_DELTA: Final = 0.3
_REACH: Final = int(0.05 * RATE_HZ)
_NMS_WINDOW: Final = 0.05 * RATE_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class OnsetScore:
    """`ap` average precision, `accuracy` share of target onsets that were hit, `same_count` equal onset counts."""

    ap: float
    accuracy: float
    same_count: bool


@dataclass(frozen=True, slots=True)
class Track:
    """A sound at 22,050 Hz with its onsets in samples; made once for a target that many sounds are held against."""

    samples: Samples
    onsets: tuple[int, ...]


def track(samples_T: Samples, rate_hz: int) -> Track:
    """Returns a sound's track."""
    resampled_T = resample(samples_T, rate_hz, RATE_HZ)
    found = librosa.onset.onset_detect(y=resampled_T, sr=RATE_HZ, units="samples", delta=_PEAK_DELTA)
    return Track(resampled_T, tuple(int(onset) for onset in found))


def onset_sync_ap(target: Track, generated: Track, *, delta_s: float = 0.1) -> OnsetScore | None:
    """Returns the score of one clip; None when neither sound has an onset, where the original crashes.

    Corner cases as in the original: no generated onset gives AP 1 and accuracy 0, no target onset gives AP 0.
    """
    if not target.onsets and not generated.onsets:
        return None
    labels, scores, hits = match_onsets(target.onsets, generated.onsets, generated.samples, delta_s)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No positive class found")
        ap = float(average_precision_score(labels, scores))
    accuracy = hits / len(target.onsets) if target.onsets else 0.0
    return OnsetScore(ap=ap, accuracy=accuracy, same_count=len(target.onsets) == len(generated.onsets))


def match_onsets(
    target: Sequence[int], found: Sequence[int], generated_T: Samples, delta_s: float
) -> tuple[list[int], list[float], int]:
    """Returns labels and scores for the average precision, and the hits, after suppressing neighbours in `found`."""
    level_T = _scaled(generated_T)
    unused = suppress_neighbours(found, [_confidence(level_T, onset) for onset in found])
    labels: list[int] = []
    scores: list[float] = []
    hits = 0
    for onset in target:
        near = [other for other in unused if abs(other - onset) < delta_s * RATE_HZ]
        labels.append(1)
        if not near:
            scores.append(0.0)
            continue
        # The original ranks candidates by the level at the onset sample, but scores by the maximum around it.
        best = max(near, key=lambda other: (level_T[other], other))
        scores.append(_confidence(level_T, best))
        unused.remove(best)
        hits += 1
        if not unused:
            break  # targets after this one are not counted as misses
    labels.extend([0] * len(unused))
    scores.extend(_confidence(level_T, onset) for onset in unused)
    return labels, scores, hits


def suppress_neighbours(onsets: Sequence[int], confidences: Sequence[float]) -> list[int]:
    """Keeps the strongest onsets, dropping others closer than 50 ms.

    The original removes from the list that it walks over, so the neighbour after a removed one survives that walk.
    """
    remaining = list(onsets)
    kept = []
    for index in np.argsort(np.asarray(confidences, float))[::-1]:
        onset = onsets[int(index)]
        if onset not in remaining:
            continue
        kept.append(onset)
        remaining.remove(onset)
        position = 0
        while position < len(remaining):
            if abs(remaining[position] - onset) < _NMS_WINDOW:
                del remaining[position]
            position += 1
    return sorted(kept)


def _scaled(samples_T: Samples) -> Samples:
    level_T = np.abs(samples_T)
    span = level_T.max() - level_T.min()
    scaled: Samples = (level_T - level_T.min()) / (span if span > 0 else 1.0)
    return scaled


def _confidence(level_T: Samples, onset: int) -> float:
    return float(level_T[max(0, onset - _REACH) : onset + _REACH].max())
