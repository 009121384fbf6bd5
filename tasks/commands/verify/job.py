"""`foleygenex verify`: draws the sheet, serves a rater's page, sums up what all raters found. Source: SPEC A8."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from data_contracts import UsageError
from tasks.commands.verify.accuracy import ALL, StratumAccuracy, accuracy_table, agreement, majority
from tasks.commands.verify.ratings import Rating, Ratings, all_ratings, rater_path
from tasks.commands.verify.server import TEMPLATES, PageItem, RatingPage, rate_until_stopped
from tasks.commands.verify.sheet import (
    STRATA,
    Entry,
    ratings_folder,
    read_sheet,
    sheet_path,
    stale_entries,
    write_sheet,
)
from tasks.engine.workspace import Workspace, hash_text

DRAW_SEED: Final = 300
PAPER_ACCURACY: Final = 0.97  # SPEC A8


def results_text(workspace: Workspace, *, seed: int = DRAW_SEED, redraw: bool = False) -> str:
    """Writes the sheet where there is none and returns what is on it, or what the raters have found.

    Raises UsageError when `redraw` would lose answers.
    """
    entries = current_sheet(workspace, seed=seed, redraw=redraw)
    ratings = all_ratings(ratings_folder(workspace), _items(entries))
    lines = [_sheet_line(workspace, entries)]
    if stale := stale_entries(workspace, entries):
        lines.append(
            f"{len(stale)} of {len(entries)} rows no longer match the manifest ({stale[0].item_id}, ...); "
            "draw again with --redraw"
        )
    if not any(ratings.values()):
        return "\n".join([*lines, "no answers yet; `foleygenex verify WORKSPACE --rate NAME` opens the page"])
    return "\n".join([*lines, *_results(entries, ratings)])


def current_sheet(workspace: Workspace, *, seed: int = DRAW_SEED, redraw: bool = False) -> list[Entry]:
    """Returns the sheet's rows; draws it first when there is none or `redraw` asks for it.

    Raises UsageError when a redraw would lose answers: their files must be moved away first.
    """
    path = sheet_path(workspace)
    if path.exists() and redraw:
        folder = ratings_folder(workspace)
        if answered := sum(map(len, all_ratings(folder, _items(read_sheet(workspace))).values())):
            raise UsageError(f"{folder} has {answered} answers to this sheet; move that folder away first")
    if redraw or not path.exists():
        write_sheet(workspace, seed)
    return read_sheet(workspace)


def rate(workspace: Workspace, rater: str, port: int, echo: Callable[[str], None]) -> None:
    """Serves one rater's page until Ctrl-C. Every answer is saved at once; the next call continues from there."""
    rate_until_stopped(rating_page(workspace, current_sheet(workspace), rater), port, echo)


def rating_page(workspace: Workspace, entries: Sequence[Entry], rater: str) -> RatingPage:
    """Returns the page of one rater, with the answers of earlier calls. Raises UsageError for an empty name."""
    ratings = Ratings(rater_path(ratings_folder(workspace), rater), _items(entries))
    items = [
        PageItem(
            entry.item_id,
            {"level": entry.level.replace("_", " "), "before": entry.caption_before, "after": entry.caption},
            {"before": workspace.path(entry.audio_before), "after": workspace.path(entry.audio_path)},
        )
        for entry in shuffled(entries, rater)
    ]

    def summary() -> list[dict[str, Any]]:
        answers = {item_id: rating.answer for item_id, rating in ratings.answers.items()}
        return [asdict(row) for row in accuracy_table(entries, answers)]

    return RatingPage(items, ratings, TEMPLATES / "verify.html.j2", summary)


def shuffled(entries: Sequence[Entry], rater: str) -> list[Entry]:
    """Returns the rows in an order of the rater's own, so that no stratum is always judged last, by tired raters."""
    return sorted(entries, key=lambda entry: hash_text("order", rater, entry.item_id))


def _items(entries: Sequence[Entry]) -> dict[str, dict[str, str]]:
    return {entry.item_id: entry.identity for entry in entries}


def _sheet_line(workspace: Workspace, entries: Sequence[Entry]) -> str:
    wanted = sum(STRATA.values())
    short = "" if len(entries) == wanted else f" (of {wanted}: the manifest has no more in some strata)"
    return f"{sheet_path(workspace)}: {len(entries)} rows{short}"


def _results(entries: Sequence[Entry], ratings: Mapping[str, Mapping[str, Rating]]) -> list[str]:
    lines: list[str] = []
    for rater, answers in ratings.items():
        table = accuracy_table(entries, {item_id: rating.answer for item_id, rating in answers.items()})
        lines += ["", f"rater {rater}", *_table(table)]
    if len(ratings) > 1:
        lines += ["", "majority of raters", *_table(accuracy_table(entries, majority(ratings)))]
        lines += ["", agreement(ratings).text("row")]
    return lines


def _table(rows: Sequence[StratumAccuracy]) -> list[str]:
    head = f"  {'stratum':<18}{'rows':>6}{'answered':>10}{'correct':>9}{'unsure':>8}{'accuracy':>10}   95 % interval"
    return [head, *map(_line, rows)]


def _line(row: StratumAccuracy) -> str:
    shown = "-" if row.accuracy is None else f"{row.accuracy:.1%}"
    verdict = ""
    if row.stratum == ALL and row.accuracy is not None:
        verdict = f"   paper: above {PAPER_ACCURACY:.0%}, here {'above' if row.accuracy > PAPER_ACCURACY else 'not'}"
    return (
        f"  {row.stratum:<18}{row.rows:>6}{row.answered:>10}{row.correct:>9}{row.unsure:>8}{shown:>10}"
        f"   {row.low:.1%} to {row.high:.1%}{verdict}"
    )
