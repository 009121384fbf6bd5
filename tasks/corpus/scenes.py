"""What happens in a scene, as plain values: which object, when it is struck, how loud and how far away.

A scene is a description that any worker can render to the same bytes. Scenes of one group share the object (its modes
and its looks), so splits go by group and no object is on both sides.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from tasks.corpus.captions import Sides, strike_caption, texture_caption
from tasks.corpus.materials import MATERIALS
from tasks.engine.workspace import seed_for

DURATION_S: Final = 8.0
TEXTURES: Final = ("rain", "wind", "engine", "beeps", "clock", "drips")
_TEXTURE_SHARE: Final = 0.2
_GROUP: Final = 4
_TEST_SHARE: Final = 0.125
_VAL_SHARE: Final = 0.036
_RATES_HZ: Final = {"fast": (3.6, 4.8), None: (1.2, 1.9), "slow": (0.6, 0.9)}
_LEVELS_DB: Final = {"loud": (-6.0, -3.5), None: (-17.0, -14.0), "quiet": (-31.0, -27.0)}
_METRES: Final = {"near": (0.6, 0.9), None: (1.3, 1.7), "far": (7.0, 11.0)}
_SPEEDED: Final = frozenset({"strike", "beeps", "clock", "drips"})  # sounds with events, so with a rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One 8 s scene. Times are seconds, `strengths` linear peak amplitudes near the object, one per event.

    `object_seed` is the group's: it fixes the object's modes and colours; `seed` fixes everything else.
    """

    scene_id: str
    group_id: str
    split: str
    kind: str  # strike, or a texture
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
        values = asdict(self)
        return {name: values[name] for name in names}

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Scene:
        """Rebuilds a scene from `to_dict`'s values, also after a trip through JSON."""
        lists = {name: tuple(values[name]) for name in ("event_times_s", "strengths")}
        return cls(**{**values, **lists})


def make_scenes(count: int, *, has_video: bool, seed: int) -> list[Scene]:
    """Returns `count` scenes with picture or without. Deterministic in (seed, index)."""
    kind = "video" if has_video else "audio"
    size = max(1, min(_GROUP, count // 6))
    splits = group_splits(-(-count // size), np.random.default_rng(seed_for("corpus-splits", kind, str(seed))))
    return [_scene(index, index // size, splits[index // size], kind, seed) for index in range(count)]


def group_splits(groups: int, rng: np.random.Generator) -> list[str]:
    """Returns a split per group. Test groups stand in a row, and so take the materials in turn."""
    tests = max(1, round(groups * _TEST_SHARE)) if groups > 1 else 0
    vals = max(1, round(groups * _VAL_SHARE)) if groups > 2 else 0
    splits = ["test"] * tests + ["val"] * vals + ["train"] * (groups - tests - vals)
    return [str(split) for split in np.roll(splits, rng.integers(groups))]


def event_times(
    rate_hz: float, *, jitter: float, pauses: int, min_gap_s: float, rng: np.random.Generator
) -> list[float]:
    """Returns strike times in 0.15..7.6 s: gaps around 1/rate, irregular by `jitter` (log deviation), with pauses.

    A pause lengthens a gap by 0.5 to 1.3 s. Nothing but the picture tells when the next strike comes.
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


def _scene(index: int, group: int, split: str, kind: str, seed: int) -> Scene:
    has_video = kind == "video"
    group_rng = np.random.default_rng(object_seed := seed_for("corpus-object", kind, str(seed), str(group)))
    rng = np.random.default_rng(scene_seed := seed_for("corpus-scene", kind, str(seed), str(index)))
    sound = "strike" if has_video or group_rng.random() > _TEXTURE_SHARE else str(group_rng.choice(TEXTURES))
    material = MATERIALS[list(MATERIALS)[(group + seed) % len(MATERIALS)]]
    thing = str(group_rng.choice(material.objects))
    sides = _sides(sound, rng)
    rate_hz = float(rng.uniform(*_RATES_HZ[sides.speed]))
    level_db = float(rng.uniform(*_LEVELS_DB[sides.volume]))
    times = _times(sound, rate_hz, has_video, rng)
    strengths = [float(10 ** ((level_db + rng.normal(0, 1.0)) / 20)) for _ in times]
    strike = sound == "strike"
    return Scene(
        scene_id=f"{kind}-{index:05d}",
        group_id=f"{kind}-object-{group:04d}",
        split=split,
        kind=sound,
        has_video=has_video,
        material=material.name if strike else "none",
        thing=thing if strike else sound,
        speed=sides.speed,
        distance=sides.distance,
        volume=sides.volume,
        rate_hz=round(rate_hz, 4),
        level_db=round(level_db, 3),
        distance_m=round(float(rng.uniform(*_METRES[sides.distance])), 3),
        event_times_s=tuple(times),
        strengths=tuple(round(s, 6) for s in strengths),
        caption=strike_caption(material, thing, sides, rng) if strike else texture_caption(sound, sides, rng),
        object_seed=object_seed,
        seed=scene_seed,
    )


def _times(sound: str, rate_hz: float, has_video: bool, rng: np.random.Generator) -> list[float]:
    if sound not in _SPEEDED:
        return []
    if has_video:
        return event_times(rate_hz, jitter=0.4, pauses=int(rng.integers(0, 3)), min_gap_s=0.2, rng=rng)
    return event_times(rate_hz, jitter=0.12, pauses=int(rng.random() < 0.2), min_gap_s=0.15, rng=rng)


def _sides(sound: str, rng: np.random.Generator) -> Sides:
    """Draws which dimensions are remarkable: none (15 %), one (60 %), two (25 %). A faint far sound is neither."""
    names = ["speed", "distance", "volume"] if sound in _SPEEDED else ["distance", "volume"]
    count = int(rng.choice(3, p=(0.15, 0.60, 0.25)))
    chosen = [str(name) for name in rng.permutation(names)[:count]]
    poles = {"speed": ("fast", "slow"), "distance": ("near", "far"), "volume": ("loud", "quiet")}
    sides = {name: str(rng.choice(poles[name])) for name in chosen}
    if sides.get("distance") == "far" and "volume" in sides:
        del sides["volume"]  # distance takes level away: "loud" or "quiet" could not be heard apart from it
    return Sides(**sides)
