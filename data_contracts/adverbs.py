"""The adverb vocabulary: what captions say of speed, distance and volume, and what augmentation makes of it.

Every other module reads its dimensions, sides, levels, titles, opposites and changes from here. To add one, add its
row here and the recipe that makes it in `tasks/augment`. Source: SPEC A1, A3-A5.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from data_contracts.errors import ContractError


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """A property of audio with two opposite sides; the audio of the first side measures more of it.

    `middle` is what captions say between the two sides. Only dimensions that are `mined` are looked for in the captions
    of a corpus: a trend is made by augmentation.
    """

    name: str
    sides: tuple[str, str]
    middle: str = ""
    mined: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What the caption of an augmented clip says. `strong` levels need an intensifier ("very fast")."""

    name: str
    side: str
    strong: bool = False
    description: str

    @property
    def title(self) -> str:
        """The name as people write it: "Very fast"."""
        return self.name.replace("_", " ").capitalize()

    @property
    def dimension(self) -> str:
        """The dimension of the side."""
        return DIMENSION_OF[self.side]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What augmentation makes of a caption that names `side`: the level that it produces, and by which operation.

    `variant` tells the recipes of one operation apart (faster or slower playback). The operation `original` keeps the
    audio as it is.
    """

    side: str
    level: str
    operation: str
    variant: str = ""


DIMENSIONS: Final = {
    dimension.name: dimension
    for dimension in (
        Dimension(name="speed", sides=("fast", "slow"), middle="medium"),
        Dimension(name="volume", sides=("loud", "quiet")),
        Dimension(name="distance", sides=("near", "far")),
        Dimension(name="dynamics", sides=("crescendo", "decrescendo"), mined=False),
    )
}

LEVELS: Final = {
    level.name: level
    for level in (
        Level(name="very_fast", side="fast", strong=True, description="fast sounds, played 1.3 times faster"),
        Level(name="fast", side="fast", description="fast sounds, kept as they are"),
        Level(name="medium", side="medium", description="fast sounds slowed to 0.7, or slow sounds sped up to 1.3"),
        Level(name="slow", side="slow", description="slow sounds, kept as they are"),
        Level(name="very_slow", side="slow", strong=True, description="slow sounds, slowed to 0.7"),
        Level(name="far", side="far", description="near or loud sounds, moved away in a simulated room"),
        Level(name="crescendo", side="crescendo", description="loud sounds that now grow, with their peak kept"),
        Level(name="decrescendo", side="decrescendo", description="loud sounds that now fade, with their peak kept"),
    )
}

CHANGES: Final = (
    Change(side="fast", level="very_fast", operation="speed", variant="faster"),
    Change(side="fast", level="fast", operation="original"),
    Change(side="fast", level="medium", operation="speed", variant="slower"),
    Change(side="slow", level="medium", operation="speed", variant="faster"),
    Change(side="slow", level="slow", operation="original"),
    Change(side="slow", level="very_slow", operation="speed", variant="slower"),
    Change(side="near", level="far", operation="distance"),
    Change(side="loud", level="far", operation="distance"),
    Change(side="loud", level="crescendo", operation="dynamics", variant="crescendo"),
    Change(side="loud", level="decrescendo", operation="dynamics", variant="decrescendo"),
)
"""In the order in which the levels of one caption are made. Far and quiet are mined but not changed (SPEC A4, A5)."""

DIMENSION_OF: Final = {
    side: dimension.name
    for dimension in DIMENSIONS.values()
    for side in (*dimension.sides, *([dimension.middle] if dimension.middle else []))
}
"""Every side, middles included, with its dimension."""

DEGREES: Final = ("slight", "plain", "strong")
"""How far a change went, as its caption says: a little further away, in the distance, far in the distance."""

MINED_SIDES: Final = tuple(side for dimension in DIMENSIONS.values() if dimension.mined for side in dimension.sides)


def opposites(side: str) -> tuple[str, ...]:
    """Returns what a caption of this side must not say too: the dimension's other sides, its middle included."""
    dimension = DIMENSION_OF[side]
    return tuple(other for other in DIMENSION_OF if DIMENSION_OF[other] == dimension and other != side)


def change_of(side: str, level: str) -> Change:
    """Returns how augmentation makes this level of a caption that names this side. Raises KeyError when it does not."""
    return {(change.side, change.level): change for change in CHANGES}[side, level]


def changes_for(side: str) -> tuple[Change, ...]:
    """Returns what augmentation makes of a caption that names this side; nothing for far and quiet."""
    return tuple(change for change in CHANGES if change.side == side)


def degree_of(recipe_json: str) -> str:
    """Returns the degree of a change from its row's recipe; `plain` where the recipe has none.

    Raises ContractError for a degree that is not in `DEGREES`.
    """
    degree = json.loads(recipe_json).get("degree", "plain")
    if degree not in DEGREES:
        raise ContractError(f"stored recipe has degree {degree!r}; data_contracts/adverbs.py has {', '.join(DEGREES)}")
    return str(degree)
