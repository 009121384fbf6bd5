"""The context that recipes are applied in, and short ways to call them, for the tests of augmentation."""

from __future__ import annotations

from typing import Any

from tasks.augment.bank import RoomBank
from tasks.augment.config import AugmentConfig
from tasks.augment.measure import Measured
from tasks.augment.recipe import Applied, AugmentContext, Recipe
from tasks.media.samples import Samples
from tests.tasks.sounds import RATE


def make_context(**settings: Any) -> AugmentContext:
    """Returns the context of a small bank of rooms, kept in memory, with these settings."""
    config = AugmentConfig(**({"rooms": 2, "far_m": 6.0, "t60_s": 0.45} | settings))
    return AugmentContext(config=config, rooms=RoomBank(config=config, dataset_version="1"))


CONTEXT = make_context()
BY_TOOL = make_context(backend="tool")


def measured(recipe: Recipe, before: Samples, after: Samples, rate_hz: int = RATE) -> Measured:
    """Returns the effect of a recipe, if `after` were what it made of all of `before`."""
    applied = Applied(source_T=before, samples_T=after, full_length=len(after))
    return recipe.measure(applied, after, rate_hz, CONTEXT)
