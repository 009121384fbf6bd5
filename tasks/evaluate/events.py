"""EventF1 and EventOffset: how well detected event times agree with the true ones (SPEC E2).

Both need known event times, which the built-in corpus has. Silence scores 0, unlike under OnsetSyncAP.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def match_events(truth_s: Sequence[float], found_s: Sequence[float], tolerance_s: float) -> list[tuple[int, int]]:
    """Returns one-to-one pairs (truth index, found index) at most `tolerance_s` apart, the closest pairs first."""
    distance = np.abs(np.subtract.outer(np.asarray(truth_s, float), np.asarray(found_s, float)))
    order = np.argsort(distance, axis=None, kind="stable")
    used_truth: set[int] = set()
    used_found: set[int] = set()
    pairs = []
    for flat in order:
        i, j = divmod(int(flat), len(found_s))
        if distance[i, j] > tolerance_s:
            break
        if i not in used_truth and j not in used_found:
            used_truth.add(i)
            used_found.add(j)
            pairs.append((i, j))
    return sorted(pairs)


def event_f1(truth_s: Sequence[float], found_s: Sequence[float], tolerance_s: float) -> float:
    """Returns 2 hits / (true + found), 0..1; 0 when only one side has events, 1 when neither has."""
    total = len(truth_s) + len(found_s)
    return 2 * len(match_events(truth_s, found_s, tolerance_s)) / total if total else 1.0


def event_offset_s(truth_s: Sequence[float], found_s: Sequence[float], tolerance_s: float) -> float | None:
    """Returns the mean |time difference| of the matched events in seconds, None when none matches."""
    pairs = match_events(truth_s, found_s, tolerance_s)
    if not pairs:
        return None
    return float(np.mean([abs(truth_s[i] - found_s[j]) for i, j in pairs]))
