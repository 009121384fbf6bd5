"""A sheet of new captions to be read row by row, and what share of them a reader marked as right (SPEC A8).

`python -m benchmarks.caption_marks SHEET.csv --captions audiocaps/train.csv` writes 300 rewrites by the rules, evenly
over the operations and degrees, with empty columns `right` (yes or no), `why` (of a wrong one) and `by` (who read it).
`python -m benchmarks.caption_marks SHEET.csv` prints the share of right ones per operation, each with its exact 95 %
interval; with `--without-text MARKS.csv` it also writes the marks with hashes in place of the captions, which are not
ours to publish. `docs/captions.csv` is such a file.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Final

from scipy import stats

from benchmarks.caption_rules import Case, cases_of
from benchmarks.captions import spread
from data_contracts import ItemError, UsageError
from data_contracts.adverbs import DEGREES, LEVELS
from tasks.engine.workspace import hash_text
from tasks.recaption.rules import rewrites

_DEGREED: Final = ("far", "crescendo", "decrescendo")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedCaption:
    """A new caption beside the one that it was made from, and a reader's mark."""

    operation: str
    degree: str
    before: str
    mined: str
    after: str
    right: str = ""
    why: str = ""
    by: str = ""


def sheet(by_name: dict[str, list[Case]], count: int) -> list[MarkedCaption]:
    """Returns `count` rewrites by the rules without marks; captions that the rules cannot rewrite are passed over."""
    rows: dict[str, list[MarkedCaption]] = {name: [] for name in by_name}
    for case in spread(by_name, 2 * count):
        found = rows[case.name]
        degree = DEGREES[len(found) % len(DEGREES)] if LEVELS[case.level].side in _DEGREED else "plain"
        try:
            (new,) = rewrites(case.caption, case.level, degree, limit=1)
        except ItemError:
            continue
        before = case.caption
        found.append(
            MarkedCaption(
                operation=case.name, degree=degree, before=before.text, mined=before.cue.words, after=new.text
            )
        )
    turns = (found[turn] for turn in range(count) for found in rows.values() if turn < len(found))
    return sorted((row for _, row in zip(range(count), turns, strict=False)), key=lambda row: row.operation)


def write_sheet(path: Path, rows: Sequence[MarkedCaption]) -> None:
    """Writes the rows as a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(MarkedCaption)])
        writer.writeheader()
        writer.writerows(map(asdict, rows))


def read_sheet(path: Path) -> list[MarkedCaption]:
    """Returns the rows of a sheet. Raises UsageError for a mark that is neither yes, no nor empty."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [MarkedCaption(**row) for row in csv.DictReader(file)]
    for number, row in enumerate(rows, start=2):
        if row.right not in ("", "yes", "no"):
            raise UsageError(f"{path}, line {number}: right is {row.right!r}; write yes or no")
    return rows


def without_text(row: MarkedCaption) -> MarkedCaption:
    """Returns the mark with the first 12 digits of the texts' hashes in their place."""
    return replace(row, before=hash_text(row.before)[:12], mined="", after=hash_text(row.after)[:12])


def share_lines(rows: Sequence[MarkedCaption]) -> list[str]:
    """Returns a line per operation and one for all: how many of the marked captions are right, with the interval."""
    marked = [row for row in rows if row.right]
    names = sorted({row.operation for row in marked})
    lines = []
    for name, part in [*((name, [row for row in marked if row.operation == name]) for name in names), ("all", marked)]:
        right = sum(row.right == "yes" for row in part)
        if part:
            low, high = stats.binomtest(right, len(part)).proportion_ci(method="exact")
            lines.append(f"{name:24}{right:4} of {len(part):4}  {low:.3f} to {high:.3f}")
    return lines


def main() -> None:
    """Writes a sheet, or prints the shares of a marked one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheet", type=Path, help="CSV file")
    parser.add_argument("--captions", type=Path, help="a CSV with a column `caption`: writes the sheet")
    parser.add_argument("--without-text", type=Path, metavar="MARKS", help="CSV file to write")
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--seed", type=int, default=2026)
    args = parser.parse_args()
    if args.captions:
        write_sheet(args.sheet, sheet(cases_of(args.captions, args.seed), args.rows))
        print(f"{args.sheet}: fill in the columns right, why and by")
        return
    rows = read_sheet(args.sheet)
    if args.without_text:
        write_sheet(args.without_text, [without_text(row) for row in rows])
    print("\n".join(share_lines(rows)) or f"{args.sheet} has no marks")


if __name__ == "__main__":
    main()
