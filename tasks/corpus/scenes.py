"""The scenes of the built-in corpus, drawn from a seed.

Scenes of one group share the object (its size, its modes and its colours), so splits go by group and no object is in
both training and test.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from data_contracts.adverbs import DIMENSIONS
from tasks.corpus.captions import Sides, strike_caption, texture_caption
from tasks.corpus.confounds import Confounds
from tasks.corpus.events import event_times
from tasks.corpus.materials import MATERIALS, SIZES
from tasks.corpus.modal import gain
from tasks.corpus.scene import STRIKE, Scene
from tasks.corpus.textures import TEXTURES
from tasks.engine.workspace import seed_for

_TEXTURE_SHARE: Final = 0.2
_GROUP_SIZE: Final = 2
_TEST_SHARES: Final = {"video": 0.2, "audio": 0.125}  # of the groups
_VAL_SHARE: Final = 0.036
_RATES_HZ: Final = {"fast": (3.6, 4.8), None: (1.2, 1.9), "slow": (0.6, 0.9)}
_LEVELS_DB: Final = {"loud": (-6.0, -3.5), None: (-17.0, -14.0), "quiet": (-31.0, -27.0)}
_METRES: Final = {"near": (0.6, 0.9), None: (1.3, 1.7), "far": (7.0, 11.0)}
_NO_CONFOUNDS: Final = Confounds()


def make_scenes(count: int, *, has_video: bool, seed: int, confounds: Confounds = _NO_CONFOUNDS) -> list[Scene]:
    """Returns `count` scenes with video or without; a scene depends on seed, index, count and confounds alone."""
    medium = "video" if has_video else "audio"
    size = max(1, min(_GROUP_SIZE, count // 6))
    rng = np.random.default_rng(seed_for("corpus-splits", medium, str(seed)))
    splits = group_splits(-(-count // size), _TEST_SHARES[medium], rng)
    scenes = (_scene(index, index // size, splits[index // size], medium, seed) for index in range(count))
    return [confounds.applied_to(scene) for scene in scenes]


def group_splits(groups: int, test_share: float, rng: np.random.Generator) -> list[str]:
    """Returns a split per group. Test groups follow each other, and so take the materials in turn."""
    tests = max(1, round(groups * test_share)) if groups > 1 else 0
    vals = max(1, round(groups * _VAL_SHARE)) if groups > 2 else 0
    splits = ["test"] * tests + ["val"] * vals + ["train"] * (groups - tests - vals)
    return [str(split) for split in np.roll(splits, rng.integers(groups))]


def _scene(index: int, group: int, split: str, medium: str, seed: int) -> Scene:
    has_video = medium == "video"
    group_rng = np.random.default_rng(object_seed := seed_for("corpus-object", medium, str(seed), str(group)))
    rng = np.random.default_rng(scene_seed := seed_for("corpus-scene", medium, str(seed), str(index)))
    is_strike = has_video or group_rng.random() > _TEXTURE_SHARE
    kind = STRIKE if is_strike else str(group_rng.choice(list(TEXTURES)))
    material = MATERIALS[list(MATERIALS)[(group + seed) % len(MATERIALS)]]
    thing = str(group_rng.choice(material.objects))
    size = float(np.exp(group_rng.uniform(*np.log(SIZES))))
    sides = _sides(kind, rng)
    rate_hz = float(rng.uniform(*_RATES_HZ[sides.speed]))
    level_db = float(rng.uniform(*_LEVELS_DB[sides.volume]))
    times = _times(kind, rate_hz, has_video, rng)
    strengths = [gain(level_db + rng.normal(0, 1.0)) for _ in times]
    return Scene(
        scene_id=f"{medium}-{index:05d}",
        group_id=f"{medium}-object-{group:04d}",
        split=split,
        kind=kind,
        has_video=has_video,
        material=material.name if is_strike else "none",
        thing=thing if is_strike else kind,
        size=round(size, 4) if is_strike else 1.0,
        speed=sides.speed,
        distance=sides.distance,
        volume=sides.volume,
        rate_hz=round(rate_hz, 4),
        level_db=round(level_db, 3),
        distance_m=round(float(rng.uniform(*_METRES[sides.distance])), 3),
        event_times_s=tuple(times),
        strengths=tuple(round(s, 6) for s in strengths),
        caption=strike_caption(material, thing, sides, rng) if is_strike else texture_caption(kind, sides, rng),
        object_seed=object_seed,
        seed=scene_seed,
    )


def _has_events(kind: str) -> bool:
    return kind == STRIKE or TEXTURES[kind].event is not None


def _times(kind: str, rate_hz: float, has_video: bool, rng: np.random.Generator) -> list[float]:
    if not _has_events(kind):
        return []
    if has_video:
        return event_times(rate_hz, jitter=0.4, pauses=int(rng.integers(0, 3)), min_gap_s=0.2, rng=rng)
    return event_times(rate_hz, jitter=0.12, pauses=int(rng.random() < 0.2), min_gap_s=0.15, rng=rng)


def _sides(kind: str, rng: np.random.Generator) -> Sides:
    """Draws in how many dimensions a scene has a side: none (15 %), one (60 %), two (25 %).

    Far scenes have no volume: distance lowers the level, so "loud" or "quiet" could not be told from it.
    """
    names = ["speed", "distance", "volume"] if _has_events(kind) else ["distance", "volume"]
    count = int(rng.choice(3, p=(0.15, 0.60, 0.25)))
    chosen = [str(name) for name in rng.permutation(names)[:count]]
    sides = {name: str(rng.choice(DIMENSIONS[name].sides)) for name in chosen}
    if sides.get("distance") == "far" and "volume" in sides:
        del sides["volume"]
    return Sides(**sides)
