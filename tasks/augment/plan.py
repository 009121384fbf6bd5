"""The recipes of each change that `data_contracts.adverbs` lists (SPEC A3 to A5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final, Literal

from data_contracts.adverbs import Change
from tasks.augment.bank import RoomBank
from tasks.augment.config import AugmentConfig
from tasks.augment.dynamics import Dynamics
from tasks.augment.room import Distance
from tasks.augment.speed import FACTORS, Speed
from tasks.engine.workspace import seed_for

Recipe = Speed | Distance | Dynamics | None
_ROOMS: Final = 6  # at most this many are tried for one sound


def recipes_for(change: Change, seed: int, rate_hz: int, config: AugmentConfig, bank: RoomBank) -> Iterator[Recipe]:
    """Yields the recipes of a level in the order they are tried: everything that the change depends on but the sound.

    One, None for an original. Rooms are drawn up to six times: the tones of a bell, say, can fall on the resonances of
    one room, and then the bell is not darker there.
    """
    if change.operation == "speed":
        yield Speed(factor=FACTORS[change.variant], keeps_pitch=config.speed_method == "tempo")
    elif change.operation == "distance":
        for number in range(_ROOMS):
            yield bank.draw(seed_for(str(seed), f"room-{number}"), rate_hz)
    elif change.operation == "dynamics":
        direction: Literal["crescendo", "decrescendo"] = "crescendo" if change.variant == "crescendo" else "decrescendo"
        yield Dynamics(direction=direction, span_db=config.dynamics_db)
    else:
        yield None


def recipe_values(recipe: Recipe) -> dict[str, Any]:
    """Returns a recipe as plain JSON values."""
    return {} if recipe is None else asdict(recipe)
