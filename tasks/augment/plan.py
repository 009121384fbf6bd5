"""Which levels a mined side gets, and the recipe of each (SPEC A3 to A5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from data_contracts import Mined
from tasks.augment.bank import RoomBank
from tasks.augment.config import AugmentConfig
from tasks.augment.dynamics import Dynamics
from tasks.augment.room import Distance
from tasks.augment.speed import LEVELS, Speed
from tasks.engine.workspace import seed_for

Recipe = Speed | Distance | Dynamics | None
_DYNAMICS: Final[tuple[Literal["crescendo", "decrescendo"], ...]] = ("crescendo", "decrescendo")
_ROOMS: Final = 6  # at most this many are tried for one sound


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One level of one mined caption. `operation` is speed, distance, dynamics or original."""

    operation: str
    level: str


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


def recipes_for(
    change: Change, side: str, seed: int, rate_hz: int, config: AugmentConfig, bank: RoomBank
) -> Iterator[Recipe]:
    """Yields the recipes of a level in the order they are tried: everything that the change depends on but the sound.

    One, None for an original. Rooms are drawn up to six times: the tones of a bell, say, can fall on the resonances of
    one room, and then the bell is not darker there.
    """
    if change.operation == "speed":
        factor = LEVELS[side][change.level]
        assert factor is not None
        yield Speed(factor=factor, keeps_pitch=config.speed_method == "tempo")
    elif change.operation == "distance":
        for number in range(_ROOMS):
            yield bank.draw(seed_for(str(seed), f"room-{number}"), rate_hz)
    elif change.operation == "dynamics":
        direction: Literal["crescendo", "decrescendo"] = "crescendo" if change.level == "crescendo" else "decrescendo"
        yield Dynamics(direction=direction, span_db=config.dynamics_db)
    else:
        yield None


def recipe_values(recipe: Recipe) -> dict[str, Any]:
    """Returns a recipe as plain JSON values."""
    return {} if recipe is None else asdict(recipe)
