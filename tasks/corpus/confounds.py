"""What makes videos of the built-in corpus harder: a lag of the audio, a moving distractor, an off-screen source.

Each is given to a share of the videos. Who gets it depends on the scene's own seed alone: a larger share keeps those
that a smaller one chose, and leaves everything else of a scene as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from tasks.corpus.events import event_times
from tasks.corpus.materials import MATERIALS
from tasks.corpus.scene import Scene
from tasks.engine.workspace import seed_for

LAG_MS: Final = (120, 240)
_DISTRACTOR_HZ: Final = (1.0, 3.0)
_OFF_SCREEN_HZ: Final = (0.6, 1.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confounds:
    """Shares (0..1) of the scenes with video that get each."""

    lag_share: float = 0.0
    distractor_share: float = 0.0
    off_screen_share: float = 0.0

    def applied_to(self, scene: Scene) -> Scene:
        """Returns the scene with what it is chosen for; one without video as it is."""
        if not scene.has_video:
            return scene
        if (rng := _chosen(scene, "lag", self.lag_share)) is not None:
            scene = _with_lag(scene, int(rng.integers(LAG_MS[0], LAG_MS[1] + 1)))
        if (rng := _chosen(scene, "distractor", self.distractor_share)) is not None:
            scene = replace(scene, distractor_times_s=_times(_DISTRACTOR_HZ, rng))
        if (rng := _chosen(scene, "off-screen", self.off_screen_share)) is not None:
            others = [name for name in MATERIALS if name != scene.material]
            material = others[int(rng.integers(len(others)))]
            scene = replace(scene, off_screen=material, off_screen_times_s=_times(_OFF_SCREEN_HZ, rng))
        return scene


def _chosen(scene: Scene, name: str, share: float) -> np.random.Generator | None:
    """Returns the generator of a confound of a scene; None where the scene does not get it."""
    rng = np.random.default_rng(seed_for(f"corpus-{name}", str(scene.seed)))
    return rng if rng.random() < share else None


def _with_lag(scene: Scene, lag_ms: int) -> Scene:
    """Returns the scene with later audio; the times of the video (`video_times_s`) stay."""
    later = tuple(round(time_s + lag_ms / 1000, 5) for time_s in scene.event_times_s)
    return replace(scene, lag_ms=lag_ms, event_times_s=later)


def _times(rates_hz: tuple[float, float], rng: np.random.Generator) -> tuple[float, ...]:
    return tuple(event_times(float(rng.uniform(*rates_hz)), jitter=0.4, pauses=1, min_gap_s=0.25, rng=rng))
