"""The answers of one rater: a CSV that is written after every answer, so that a closed browser loses nothing.

What is rated is described by its cells (a hash of the audio, a caption, ...): an answer counts only while they are the
same, never for audio or text that has changed since.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from data_contracts import UsageError
from tasks.commands.spreadsheet import read_cells, write_cells
from tasks.engine.workspace import safe_name

Answer = str
Cells = Mapping[str, str]
_NAME_LIMIT: Final = 40
NOTE_LIMIT: Final = 500
"""Characters of a note."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The answers that a page offers, and what a person may write for them in the file."""

    answers: tuple[Answer, ...]
    short: Mapping[str, Answer] = field(default_factory=dict)

    def read(self, text: str, where: str) -> Answer:
        """Returns the answer that a text means. Raises UsageError beginning with `where`."""
        lowered = text.lower()
        if lowered in self.answers:
            return lowered
        if lowered in self.short:
            return self.short[lowered]
        *others, last = self.answers
        raise UsageError(f"{where}: answer {text[:40]!r}; expected {', '.join(others)} or {last}")


ANSWERS: Final = ("yes", "no", "unsure")
FITS: Final = Choices(ANSWERS, {"y": "yes", "1": "yes", "n": "no", "0": "no", "u": "unsure", "?": "unsure"})
"""Whether a caption fits its audio."""


@dataclass(frozen=True, slots=True)
class Rating:
    """One answer, and what the rater noted about it."""

    answer: Answer
    note: str = ""


class Ratings:
    """One rater's answers by item id. `items`: item id -> the cells that identify what is rated."""

    def __init__(self, path: Path, items: Mapping[str, Cells], choices: Choices = FITS) -> None:
        self.path = path
        self.rater = path.stem
        self._items, self._choices = items, choices
        self._answers = read_ratings(path, items, choices) if path.exists() else {}
        self._lock = threading.Lock()

    @property
    def answers(self) -> dict[str, Rating]:
        """Item id -> answer, in the order of the items."""
        return {item_id: self._answers[item_id] for item_id in self._items if item_id in self._answers}

    def set(self, item_id: str, answer: str, note: str = "") -> None:
        """Records an answer and writes the file; an empty answer removes it. Raises UsageError for a wrong one."""
        if item_id not in self._items:
            raise UsageError(f"item {item_id[:80]!r} is not on the sheet")
        with self._lock:
            if answer:
                self._answers[item_id] = Rating(
                    self._choices.read(answer, "answer"), " ".join(note.split())[:NOTE_LIMIT]
                )
            else:
                self._answers.pop(item_id, None)
            rows = [
                {"item_id": item_id, **self._items[item_id], "answer": rating.answer, "note": rating.note}
                for item_id, rating in self.answers.items()
            ]
            write_cells(self.path, [*_identity(self._items), "answer", "note"], rows)


def read_ratings(path: Path, items: Mapping[str, Cells], choices: Choices = FITS) -> dict[str, Rating]:
    """Returns a rater's answers to the items, by item id; rows about anything else are ignored.

    An answer may be empty or one of the short forms (y, n, u, 1, 0). Raises UsageError naming the line and the answer
    that is none of these, or the column that is missing.
    """
    found: dict[str, Rating] = {}
    identity = _identity(items)
    for where, cells in read_cells(path, [*identity, "answer"], "answers are written by the rating page"):
        text = cells["answer"].strip()
        answer = choices.read(text, where) if text else None
        item = items.get(cells["item_id"])
        if answer is not None and item is not None and all(cells[name] == item[name] for name in identity[1:]):
            found[cells["item_id"]] = Rating(answer, cells.get("note", ""))
    return found


def all_ratings(folder: Path, items: Mapping[str, Cells], choices: Choices = FITS) -> dict[str, dict[str, Rating]]:
    """Returns rater -> item id -> answer for every file in a folder, raters sorted by name."""
    return {path.stem: read_ratings(path, items, choices) for path in sorted(folder.glob("*.csv"))}


def rater_path(folder: Path, rater: str) -> Path:
    """Returns the rater's file. Raises UsageError for an empty name; unsafe characters are replaced."""
    if not rater.strip():
        raise UsageError("the rater's name is empty; give one, e.g. --rate anna")
    return folder / f"{safe_name(rater.strip(), limit=_NAME_LIMIT)}.csv"


def _identity(items: Mapping[str, Cells]) -> list[str]:
    """Returns the columns that say what was rated."""
    return ["item_id", *(next(iter(items.values())) if items else ())]
