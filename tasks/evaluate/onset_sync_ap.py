"""OnsetSyncAP, exactly as CondFoleyGen computes it (SPEC E2).

Silence scores 1.0, white noise 0.8 and the reference pasted unchanged 0.6, so it is always printed beside baselines and
EventF1. Times are samples at 22,050 Hz.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

import librosa
import numpy as np

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
class OnsetTrack:
    """Audio at 22,050 Hz and its onsets in samples; computed once for a target that many systems are compared with."""

    samples: Samples
    onsets: tuple[int, ...]


def onset_track(samples_T: Samples, rate_hz: int) -> OnsetTrack:
    """Returns the audio at 22,050 Hz with the onsets that librosa finds."""
    resampled_T = resample(samples_T, rate_hz, RATE_HZ)
    found = librosa.onset.onset_detect(y=resampled_T, sr=RATE_HZ, units="samples", delta=_PEAK_DELTA)
    return OnsetTrack(resampled_T, tuple(int(onset) for onset in found))


def onset_sync_ap(target: OnsetTrack, generated: OnsetTrack, *, delta_s: float = 0.1) -> OnsetScore | None:
    """Returns the score of one clip; None when neither side has an onset (the original crashes there).

    Corner cases as in the original: no generated onset gives AP 1 and accuracy 0, no target onset gives AP 0.
    """
    if not target.onsets and not generated.onsets:
        return None
    from sklearn.metrics import average_precision_score  # takes a second to import

    labels, scores, hits = match_onsets(target.onsets, generated.onsets, generated.samples, delta_s)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No positive class found")
        ap = float(average_precision_score(labels, scores))
    accuracy = hits / len(target.onsets) if target.onsets else 0.0
    return OnsetScore(ap=ap, accuracy=accuracy, same_count=len(target.onsets) == len(generated.onsets))


def match_onsets(
    target: Sequence[int], found: Sequence[int], generated_T: Samples, delta_s: float
) -> tuple[list[int], list[float], int]:
    """Returns labels and scores for the average precision, and the hits; close onsets in `found` are merged first."""
    level_T = _scaled(generated_T)
    last = len(level_T) - 1  # librosa puts an onset of the last frame behind it where the length is a multiple of 512
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
        # As in the original: candidates are ranked by the level at the onset sample, scored by the maximum around it.
        best = max(near, key=lambda other: (level_T[min(other, last)], other))
        scores.append(_confidence(level_T, best))
        unused.remove(best)
        hits += 1
        if not unused:
            break  # as in the original: later targets do not count as misses
    labels.extend([0] * len(unused))
    scores.extend(_confidence(level_T, onset) for onset in unused)
    return labels, scores, hits


def suppress_neighbours(onsets: Sequence[int], confidences: Sequence[float]) -> list[int]:
    """Returns the strongest onsets, sorted, without others closer than 50 ms.

    The original deletes from the list that it iterates over, so the neighbour after a deleted onset is skipped.
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
