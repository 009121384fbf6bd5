"""A scene as plain values: which object, when it is struck, how loud and how far away."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

DURATION_S: Final = 8.0
STRIKE: Final = "strike"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One scene of 8 s. Times are in seconds, `strengths` are linear peak amplitudes near the object, one per event.

    `object_seed` is the group's: it fixes the object's modes and colours; `seed` fixes everything else.
    """

    scene_id: str
    group_id: str
    split: str
    kind: str  # STRIKE, or a name of `textures.TEXTURES`
    has_video: bool
    material: str
    thing: str
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

    def attributes(self) -> dict[str, Any]:
        """Returns what is known of the scene, for the clip table."""
        names = ("kind", "material", "thing", "speed", "distance", "volume", "rate_hz", "level_db", "distance_m")
        return {name: getattr(self, name) for name in names}

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values; `from_dict` is the inverse."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Scene:
        """Rebuilds a scene from `to_dict`'s values, also when they come from JSON."""
        lists = {name: tuple(values[name]) for name in ("event_times_s", "strengths")}
        return cls(**{**values, **lists})
