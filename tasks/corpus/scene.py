"""A scene as plain values: which object, when it is struck, how loud and how far away, and what confounds it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

DURATION_S: Final = 8.0
STRIKE: Final = "strike"
_ATTRIBUTES: Final = (
    *("kind", "material", "thing", "size", "speed", "distance", "volume", "rate_hz", "level_db", "distance_m"),
    *("lag_ms", "off_screen"),
)
_TIMES: Final = ("event_times_s", "distractor_times_s", "off_screen_times_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One scene of 8 s. Times are in seconds, `strengths` are linear peak amplitudes near the object, one per event.

    `size` is relative to a middle object of the material (`materials.SIZES`), 1 for textures. `object_seed` is the
    group's: it fixes the object's modes and colours; `seed` fixes everything else. `event_times_s` are those of the
    audio, which comes `lag_ms` after the video. The events of the distractor and of the off-screen source, a name of
    `MATERIALS`, are not among them.
    """

    scene_id: str
    group_id: str
    split: str
    kind: str  # STRIKE, or a name of `textures.TEXTURES`
    has_video: bool
    material: str
    thing: str
    size: float
    speed: str | None
    distance: str | None
    volume: str | None
    rate_hz: float
    level_db: float
    distance_m: float
    event_times_s: tuple[float, ...]
    strengths: tuple[float, ...]
    caption: str
    object_seed: int
    seed: int
    lag_ms: int = 0
    distractor_times_s: tuple[float, ...] = ()
    off_screen: str | None = None
    off_screen_times_s: tuple[float, ...] = ()

    @property
    def video_times_s(self) -> tuple[float, ...]:
        """When the video shows the events."""
        return tuple(round(time_s - self.lag_ms / 1000, 5) for time_s in self.event_times_s)

    def attributes(self) -> dict[str, Any]:
        """Returns what is known of the scene, for the clip table."""
        values = {name: getattr(self, name) for name in _ATTRIBUTES}
        return {**values, "distractor": bool(self.distractor_times_s)}

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values; `from_dict` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Scene:
        """Rebuilds a scene from `to_dict`'s values, also when they come from JSON."""
        lists = {name: tuple(values[name]) for name in (*_TIMES, "strengths")}
        return cls(**{**values, **lists})
