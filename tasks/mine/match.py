"""What mining finds in a caption, and which of it names one side. Source: SPEC A1."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from data_contracts.adverbs import DIMENSION_OF

_BLANKS: Final = re.compile(r"[^\S ]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One cue in a caption. `start` and `end` are character offsets into the caption; `words` is that text."""

    side: str
    words: str
    start: int
    end: int
    pos: str

    @property
    def dimension(self) -> str:
        """The dimension of the side."""
        return DIMENSION_OF[self.side]


class Miner(Protocol):
    """Finds the cues of captions, many at once."""

    @property
    def method(self) -> str:
        """What finds them, with its version; written into the rows."""

    def find(self, captions: Sequence[str]) -> list[list[Match]]:
        """Returns per caption its matches in reading order."""


def select(matches: Iterable[Match]) -> list[Match]:
    """Returns one match per dimension, the first; a dimension with both its sides is ambiguous and left out."""
    by_dimension: dict[str, list[Match]] = {}
    for match in matches:
        by_dimension.setdefault(match.dimension, []).append(match)
    return [found[0] for found in by_dimension.values() if len({match.side for match in found}) == 1]


def lowered(caption: str) -> str:
    """Returns the caption in lower case with plain blanks and apostrophes, every character at its old offset."""
    text = caption.lower()
    if len(text) != len(caption):  # a few letters change length in lower case
        text = "".join(c.lower() if len(c.lower()) == 1 else c for c in caption)
    return _BLANKS.sub(" ", text).replace("’", "'")
