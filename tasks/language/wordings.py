"""The wordings of each level that the rules choose from, and that the prompts name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Words for a level: after a verb, beside a noun, and appended to an event."""

    adverbs: tuple[str, ...]
    adjectives: tuple[str, ...]
    endings: tuple[str, ...]


def _wording(adverbs: str, adjectives: str, endings: str) -> Wording:
    first, second, third = (tuple(text.split("|")) for text in (adverbs, adjectives, endings))
    return Wording(adverbs=first, adjectives=second, endings=third)


WORDINGS: Final = {
    "very_fast": _wording(
        "very quickly|very rapidly|extremely fast|at a very fast pace",
        "very fast|very rapid|extremely fast",
        "at a very fast pace|very quickly|very rapidly",
    ),
    "fast": _wording("quickly|rapidly|at a fast pace", "fast|rapid|quick", "at a fast pace|quickly|rapidly"),
    "medium": _wording(
        "at a moderate pace|at a medium pace|at a moderate speed",
        "moderately paced|medium-paced",
        "at a moderate pace|at a medium pace|at a moderate speed",
    ),
    "slow": _wording("slowly|at a slow pace", "slow|slow-paced", "at a slow pace|slowly"),
    "very_slow": _wording(
        "very slowly|extremely slowly|at a very slow pace",
        "very slow|extremely slow",
        "at a very slow pace|very slowly|extremely slowly",
    ),
    "far": _wording(
        "in the distance|far away|off in the distance|from far away",
        "distant|faraway",
        "in the distance|off in the distance",
    ),
    "crescendo": _wording(
        "gradually getting louder|getting louder and louder|steadily growing louder",
        "increasingly loud",
        "gradually getting louder|getting louder and louder|steadily growing louder",
    ),
    "decrescendo": _wording(
        "gradually fading away|getting quieter and quieter|slowly fading out",
        "increasingly quiet",
        "gradually fading away|getting quieter and quieter|slowly fading out",
    ),
}
"""By level of `data_contracts.adverbs`."""
