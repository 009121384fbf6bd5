"""What a miner is, the miner that needs no parser, and which of a caption's cues become rows. Source: SPEC A1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from tasks.language.cues import Cue
from tasks.language.finder import VERSION, find_mined


class Miner(Protocol):
    """Finds the cues of captions, many at once."""

    @property
    def method(self) -> str:
        """What finds them, with its version; written into the rows."""

    def find(self, captions: Sequence[str]) -> list[list[Cue]]:
        """Returns per caption its cues in reading order."""


class RuleMiner:
    """Mines by the words beside a cue alone."""

    method: Final = f"rules-{VERSION}"

    def find(self, captions: Sequence[str]) -> list[list[Cue]]:
        """Returns per caption its cues in reading order."""
        return [find_mined(caption) for caption in captions]


def select(cues: Iterable[Cue]) -> list[Cue]:
    """Returns one cue per dimension, the first; a dimension with both its sides is left out.

    Both sides are there where two sounds differ, and in a change from one side to the other.
    """
    by_dimension: dict[str, list[Cue]] = {}
    for cue in cues:
        by_dimension.setdefault(cue.dimension, []).append(cue)
    return [found[0] for found in by_dimension.values() if len({cue.side for cue in found}) == 1]
