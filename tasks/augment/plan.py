"""Which levels a mined side gets (SPEC A3 to A5), and how one level is made and measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from data_contracts import Mined
from tasks.audio_io import Samples
from tasks.augment.config import AugmentConfig
from tasks.augment.distance import Distance, measure_distance, move_away, plan_distance, simulate
from tasks.augment.dynamics import Dynamics, change_dynamics, measure_dynamics
from tasks.augment.measure import peak_db, rms_db
from tasks.augment.speed import LEVELS, Speed, change_speed, measure_speed

Recipe = Speed | Distance | Dynamics | None
_DYNAMICS: Final[tuple[Literal["crescendo", "decrescendo"], ...]] = ("crescendo", "decrescendo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One level of one mined caption. `operation` is speed, distance, dynamics or original."""

    operation: str
    level: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A changed sound (T,), its measured effect, and by how much its time runs faster."""

    samples_T: Samples  # noqa: N815 (shape suffix)
    measured: dict[str, float]
    time_factor: float


def changes_for(dimension: str, side: str) -> list[Change]:
    """Returns the levels of a side: five-level speed (A3), far for near or loud (A4), dynamics for loud (A5).

    Sides that the paper does not augment (far, quiet) get none.
    """
    if dimension == "speed":
        return [
            Change(operation="original" if factor is None else "speed", level=level)
            for level, factor in LEVELS[side].items()
        ]
    changes = [Change(operation="distance", level="far")] if side in ("near", "loud") else []
    if side == "loud":
        changes += [Change(operation="dynamics", level=level) for level in _DYNAMICS]
    return changes


def changes_of(mined: Mined) -> list[Change]:
    """Returns `changes_for` of a mined row."""
    return changes_for(mined.dimension, mined.side)


def make_recipe(change: Change, side: str, seed: int, config: AugmentConfig) -> Recipe:
    """Returns the recipe of a level: everything that the change depends on besides the sound; None for an original."""
    if change.operation == "speed":
        factor = LEVELS[side][change.level]
        assert factor is not None
        return Speed(factor=factor)
    if change.operation == "distance":
        return plan_distance(seed, near_m=config.near_m, far_m=config.far_m)
    if change.operation == "dynamics":
        direction: Literal["crescendo", "decrescendo"] = "crescendo" if change.level == "crescendo" else "decrescendo"
        return Dynamics(direction=direction, span_db=config.dynamics_db)
    return None


def apply_recipe(samples_T: Samples, rate_hz: int, recipe: Recipe) -> Changed:
    """Returns the changed sound with its measured effect. Raises ItemError `effect_missing` when it did not happen."""
    if isinstance(recipe, Speed):
        played_T = change_speed(samples_T, rate_hz, recipe)
        return Changed(
            samples_T=played_T,
            measured=measure_speed(samples_T, played_T, rate_hz, recipe),
            time_factor=recipe.factor,
        )
    if isinstance(recipe, Distance):
        responses = simulate(recipe, rate_hz)
        far_T = move_away(samples_T, rate_hz, responses)
        return Changed(
            samples_T=far_T, measured=measure_distance(samples_T, far_T, rate_hz, responses), time_factor=1.0
        )
    if isinstance(recipe, Dynamics):
        shaped_T = change_dynamics(samples_T, rate_hz, recipe)
        return Changed(samples_T=shaped_T, measured=measure_dynamics(samples_T, shaped_T, recipe), time_factor=1.0)
    levels = {"level_db": round(rms_db(samples_T), 3), "peak_db": round(peak_db(samples_T), 3)}
    return Changed(samples_T=samples_T, measured=levels, time_factor=1.0)


def recipe_values(recipe: Recipe) -> dict[str, Any]:
    """Returns a recipe as plain JSON values."""
    return {} if recipe is None else asdict(recipe)
