"""Precision and recall of mining against captions that a person labelled. Source: SPEC A1; `docs/mining.md`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_contracts import UsageError
from data_contracts.adverbs import DIMENSION_OF, MINED_SIDES
from tasks.mine.miner import Miner

SIDES: Final = {side: DIMENSION_OF[side] for side in MINED_SIDES}


@dataclass(frozen=True, slots=True, kw_only=True)
class SideScore:
    """One side's counts over the labelled captions. `debatable` are matches that the labels call weaker cues."""

    side: str
    hits: int
    false: int
    misses: int
    debatable: int
    wrong: tuple[str, ...]

    @property
    def precision(self) -> float:
        """Hits per match, debatable matches left out; 1 without matches."""
        return self.hits / (self.hits + self.false) if self.hits + self.false else 1.0

    @property
    def strict_precision(self) -> float:
        """Hits per match, debatable matches counted as false."""
        matches = self.hits + self.false + self.debatable
        return self.hits / matches if matches else 1.0

    @property
    def recall(self) -> float:
        """Hits per labelled caption; 1 without any."""
        return self.hits / (self.hits + self.misses) if self.hits + self.misses else 1.0


def score(miner: Miner, gold: Path) -> list[SideScore]:
    """Returns a score per side. The table has `caption`, and `speed`, `distance`, `volume` in none, a side, both;
    `speed_maybe` and so on name weaker cues that are not scored. Raises UsageError when a column is missing."""
    rows = _read(gold)
    found = miner.find([row["caption"] for row in rows])
    return [
        _side(side, dimension, rows, [{m.side for m in matches} for matches in found])
        for side, dimension in SIDES.items()
    ]


def text(scores: Sequence[SideScore], method: str, gold: Path) -> str:
    """Returns the table that a person reads, wrong captions below it."""
    lines = [f"{gold.name}, mined by {method}", "side    precision  (strict)  recall      n  debatable"]
    for side in scores:
        lines.append(
            f"{side.side:<7} {side.precision:>9.3f}  {side.strict_precision:>8.3f}  {side.recall:>6.3f}"
            f"  {side.hits + side.misses:>5}  {side.debatable:>9}"
        )
    return "\n".join([*lines, *(line for side in scores for line in side.wrong)])


def _read(gold: Path) -> list[dict[str, str]]:
    if not gold.is_file():
        raise UsageError(f"{gold} is not a file; expected a CSV table of labelled captions")
    try:
        with gold.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{gold} is not a readable table ({error})") from error
    wanted = ("caption", *dict.fromkeys(SIDES.values()))
    if missing := [name for name in wanted if not rows or name not in rows[0]]:
        raise UsageError(f"{gold}: no column {missing[0]!r}; expected {', '.join(wanted)}")
    return rows


def _side(side: str, dimension: str, rows: Sequence[dict[str, str]], found: Sequence[set[str]]) -> SideScore:
    counts = {"hits": 0, "false": 0, "misses": 0, "debatable": 0}
    wrong = []
    for row, sides in zip(rows, found, strict=True):
        wanted, matched = row[dimension] in (side, "both"), side in sides
        if wanted:
            kind = "hits" if matched else "misses"
        elif matched:
            kind = "debatable" if row.get(f"{dimension}_maybe", "none") in (side, "both") else "false"
        else:
            continue
        counts[kind] += 1
        if kind in ("false", "misses"):
            wrong.append(f"{'false' if kind == 'false' else 'missed'} {side}: {row['caption']}")
    return SideScore(side=side, wrong=tuple(wrong), **counts)
