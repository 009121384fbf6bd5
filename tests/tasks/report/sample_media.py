"""Audio and frames of the sample workspace: strikes, and a bar that falls at each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from tasks.media.samples import Samples

RATE = 16000


def strikes(
    times_s: Iterable[float],
    duration_s: float,
    *,
    pitch_hz: float = 700.0,
    gain: Callable[[float], float] = lambda _: 1.0,
    seed: int = 0,
) -> Samples:
    """Returns damped modes with a noise burst at each time: (T,) float32."""
    rng = np.random.default_rng(seed)
    total = np.zeros(round(duration_s * RATE))
    for when in times_s:
        t = np.arange(len(total) - round(when * RATE)) / RATE
        tone = sum(np.sin(2 * np.pi * pitch_hz * r * t) * np.exp(-t * d) / r for r, d in ((1, 9), (2.7, 16), (5.1, 30)))
        noise = rng.standard_normal(len(t)) * np.exp(-t * 90)
        total[len(total) - len(t) :] += gain(when) * (tone + noise)
    total += 0.002 * rng.standard_normal(len(total))
    return (0.8 * total / max(np.abs(total).max(), 1e-9)).astype(np.float32)


def falling_bar(times_s: Sequence[float], duration_s: float, *, fps: int = 25, size: int = 96) -> npt.NDArray[np.uint8]:
    """Returns frames (T, size, size, 3) of a bar that comes down at each time."""
    frames = np.full((round(duration_s * fps), size, size, 3), (26, 22, 34), np.uint8)
    frames[:, int(size * 0.75) :, :] = (150, 104, 70)
    for index, frame in enumerate(frames):
        gap = min((abs(index / fps - t) for t in times_s), default=1.0)
        top = int(size * (0.75 - 0.5 * min(1.0, gap * 4)))
        frame[max(0, top - 6) : top, size // 4 : 3 * size // 4] = (240, 220, 180)
    return frames
