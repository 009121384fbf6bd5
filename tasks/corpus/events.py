"""When things are struck: irregular times, so that only the video shows when the next strike comes."""

from __future__ import annotations

import numpy as np

from tasks.corpus.scene import DURATION_S


def event_times(
    rate_hz: float, *, jitter: float, pauses: int, min_gap_s: float, rng: np.random.Generator
) -> list[float]:
    """Returns strike times in 0.15..7.6 s: gaps around 1/rate, irregular by `jitter` (log deviation), with pauses.

    A pause lengthens a gap by 0.5 to 1.3 s.
    """
    times = [float(rng.uniform(0.15, 0.15 + min(1.0, 0.8 / rate_hz)))]
    while times[-1] < DURATION_S:
        gap_s = np.exp(rng.normal(np.log(1 / rate_hz) - jitter**2 / 2, jitter))
        times.append(times[-1] + max(min_gap_s, float(gap_s)))
    for _ in range(pauses):
        cut = int(rng.integers(1, max(2, len(times))))
        shift_s = float(rng.uniform(0.5, 1.3))
        times[cut:] = [time + shift_s for time in times[cut:]]
    return [round(time, 5) for time in times if time <= DURATION_S - 0.4]
