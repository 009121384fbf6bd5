"""How varied new captions are: different wordings of the level, the share of the commonest, different pairs of words.

A model that learns from one wording per level learns a template and not an adverb. Source: SPEC A6.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from data_contracts import Caption
from tasks.language.content import words

BY: Final = {"llm": "model", "llm_retry": "model", "rule": "rule"}
"""Who wrote a caption, by its source; originals are not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variety:
    """Counts over captions. A wording is the words that say the level, in lower case."""

    captions: int
    wordings: int
    commonest: str
    commonest_share: float
    bigrams: int

    def text(self, by: str) -> str:
        """Returns the line a person reads."""
        return (
            f"{self.captions:,} by {by}: {self.wordings:,} wordings, commonest {100 * self.commonest_share:.1f} % "
            f"({self.commonest!r}), {self.bigrams:,} different pairs of words"
        )


def variety(pairs: Iterable[tuple[str, str]]) -> Variety | None:
    """Returns the counts over pairs of a caption and its wording of the level; None without any."""
    pairs = list(pairs)
    wordings = Counter(wording.lower() for _, wording in pairs)
    if not wordings:
        return None
    ((commonest, count),) = wordings.most_common(1)
    return Variety(
        captions=len(pairs),
        wordings=len(wordings),
        commonest=commonest,
        commonest_share=count / len(pairs),
        bigrams=len({pair for caption, _ in pairs for pair in pairwise(words(caption))}),
    )


def variety_by_writer(rows: Iterable[Caption]) -> dict[str, Variety]:
    """Returns the counts of a table's captions by model and by rule; of those that wrote any."""
    pairs: dict[str, list[tuple[str, str]]] = {by: [] for by in BY.values()}
    for row in rows:
        if row.source in BY:
            pairs[BY[row.source]].append((row.caption, row.caption[row.cue_start : row.cue_end]))
    found = {by: variety(some) for by, some in pairs.items()}
    return {by: counts for by, counts in found.items() if counts is not None}


def variety_text(rows: Iterable[Caption]) -> str:
    """Returns the counts by model and by rule for the stage's line; empty without any."""
    return "; ".join(counts.text(by) for by, counts in variety_by_writer(rows).items())
