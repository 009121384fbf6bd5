"""A stratified sheet for the manual check of augmented rows, and the accuracy once it is filled in. Source: SPEC A8."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_contracts import Augmented, ManifestRow, UsageError, iter_table, read_table
from tasks.workspace import Workspace, atomic_path, hash_text

COLUMNS: Final = ("stratum", "item_id", "audio_path", "caption_before", "caption", "answer", "note")
ANSWERS: Final = {"yes": True, "y": True, "1": True, "no": False, "n": False, "0": False, "unsure": None, "u": None}
_SPEED_SIZE: Final = 20
_OTHER_SIZE: Final = 50
_Z95: Final = 1.959963984540054
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")

_SIZES: Final = {
    **{f"speed {level}": _SPEED_SIZE for level in ("very_fast", "fast", "medium", "slow", "very_slow")},
    **dict.fromkeys(("near source", "loud source", "crescendo", "decrescendo"), _OTHER_SIZE),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumAccuracy:
    """What a rater found in one stratum. `low`..`high` is the 95 % Wilson interval; `accuracy` is 0 with no answer."""

    stratum: str
    rows: int
    answered: int
    correct: int
    unsure: int
    accuracy: float
    low: float
    high: float


def write_sheet(workspace: Workspace, seed: int) -> Path:
    """Writes manifest/verification.csv: up to 20 rows per speed level, 50 per Near, Loud, Crescendo, Decrescendo.

    Rows are drawn by the hash of seed and id. Raises UsageError when the sheet there already holds answers.
    """
    path = workspace.stage("manifest") / "verification.csv"
    if path.exists() and (answered := sum(a.answered + a.unsure for a in read_sheet(path)[-1:])):
        raise UsageError(f"{path} already holds {answered} answers; move it away to draw a new sheet")
    rows = iter_table(workspace.table("manifest", "manifest"), ManifestRow)
    captions = {row.item_id: row.caption for row in rows if row.subset == "aa"}
    augmented = read_table(workspace.table("augment", "augmented"), Augmented)
    known = [row for row in augmented if row.item_id in captions]
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for stratum, size in _SIZES.items():
            for row in _drawn((row for row in known if stratum_of(row) == stratum), size, seed):
                cells = (stratum, row.item_id, row.audio_path, row.caption, captions[row.item_id], "", "")
                writer.writerow([plain_cell(cell) for cell in cells])
    return path


def read_sheet(path: Path) -> list[StratumAccuracy]:
    """Returns the accuracy per stratum in the sheet's order, then `all`. Answers: yes, no, unsure or empty.

    Raises UsageError naming the line and the answer that is none of these, or the missing column.
    """
    found: dict[str, list[bool | None]] = {}
    sizes: dict[str, int] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if missing := {"stratum", "answer"} - set(reader.fieldnames or ()):
                raise UsageError(f"{path}: column {sorted(missing)[0]!r} is missing; expected {', '.join(COLUMNS)}")
            for row in reader:
                stratum, answer = row["stratum"], (row["answer"] or "").strip().lower()
                sizes[stratum] = sizes.get(stratum, 0) + 1
                answers = found.setdefault(stratum, [])
                if answer and answer not in ANSWERS:
                    raise UsageError(f"{path}, line {reader.line_num}: answer {answer!r}; expected yes, no or unsure")
                if answer:
                    answers.append(ANSWERS[answer])
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read ({error}); `foleygenex verify` writes it") from error
    every = [answer for answers in found.values() for answer in answers]
    strata = [_accuracy(name, sizes[name], answers) for name, answers in found.items()]
    return [*strata, _accuracy("all", sum(sizes.values()), every)]


def stratum_of(row: Augmented) -> str:
    """Returns the stratum of an augmented row: its speed level, the side it was moved away from, or its trend."""
    if row.dimension == "speed":
        return f"speed {row.level}"
    return f"{row.side} source" if row.operation == "distance" else row.level


def wilson_interval(correct: int, answered: int) -> tuple[float, float]:
    """Returns the 95 % Wilson score interval of a share; (0, 1) with nothing answered."""
    if answered == 0:
        return 0.0, 1.0
    share, z2 = correct / answered, _Z95**2
    centre = share + z2 / (2 * answered)
    reach = _Z95 * math.sqrt(share * (1 - share) / answered + z2 / (4 * answered**2))
    scale = 1 + z2 / answered
    return max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale)


def plain_cell(text: str) -> str:
    """Returns a cell that no spreadsheet takes for a formula: a dangerous first character gets an apostrophe."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _drawn(rows: Iterable[Augmented], size: int, seed: int) -> list[Augmented]:
    ranked = sorted(rows, key=lambda row: hash_text("verification", str(seed), row.item_id))
    return ranked[:size]


def _accuracy(stratum: str, rows: int, answers: list[bool | None]) -> StratumAccuracy:
    decided = [answer for answer in answers if answer is not None]
    correct = sum(decided)
    low, high = wilson_interval(correct, len(decided))
    return StratumAccuracy(
        stratum=stratum,
        rows=rows,
        answered=len(decided),
        correct=correct,
        unsure=len(answers) - len(decided),
        accuracy=correct / len(decided) if decided else 0.0,
        low=low,
        high=high,
    )
