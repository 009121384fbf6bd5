"""What one rater answered: a CSV that is written after every answer, so a closed browser loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from data_contracts import UsageError
from tasks.commands.verify.sheet import FOLDER, Entry, read_cells, write_cells
from tasks.engine.workspace import Workspace, safe_name

Answer = Literal["yes", "no", "unsure"]
ANSWERS: Final[tuple[Answer, ...]] = get_args(Answer)
COLUMNS: Final = ("item_id", "audio_sha256", "stratum", "caption", "answer", "note")
_SHORT: Final[dict[str, Answer]] = {"y": "yes", "1": "yes", "n": "no", "0": "no", "u": "unsure", "?": "unsure"}
_NAME_LIMIT: Final = 40
_NOTE_LIMIT: Final = 500


@dataclass(frozen=True, slots=True)
class Rating:
    """One answer, and what the rater noted about it."""

    answer: Answer
    note: str = ""


class Ratings:
    """One rater's answers by item id. Answers of a sound or sheet row that has changed since are not taken over."""

    def __init__(self, path: Path, entries: Sequence[Entry]) -> None:
        self.path = path
        self.rater = path.stem
        self._entries = {entry.item_id: entry for entry in entries}
        self._answers = read_ratings(path, entries) if path.exists() else {}
        self._lock = threading.Lock()

    @staticmethod
    def of(workspace: Workspace, rater: str, entries: Sequence[Entry]) -> Ratings:
        """Returns a rater's answers, none for a new rater. Raises UsageError for a name that cannot name a file."""
        return Ratings(rater_path(workspace, rater), entries)

    @property
    def answers(self) -> dict[str, Rating]:
        """Item id -> answer, in the order of the sheet."""
        return {item_id: self._answers[item_id] for item_id in self._entries if item_id in self._answers}

    def set(self, item_id: str, answer: str, note: str = "") -> None:
        """Keeps an answer and writes the file; an empty answer takes it back. Raises UsageError for a wrong one."""
        if item_id not in self._entries:
            raise UsageError(f"item {item_id[:80]!r} is not on the sheet")
        with self._lock:
            if answer:
                self._answers[item_id] = Rating(_answer(answer, "answer"), " ".join(note.split())[:_NOTE_LIMIT])
            else:
                self._answers.pop(item_id, None)
            write_cells(self.path, COLUMNS, (self._cells(*pair) for pair in self.answers.items()))

    def _cells(self, item_id: str, rating: Rating) -> dict[str, str]:
        entry = self._entries[item_id]
        return {
            "item_id": item_id,
            "audio_sha256": entry.audio_sha256,
            "stratum": entry.stratum,
            "caption": entry.caption,
            "answer": rating.answer,
            "note": rating.note,
        }


def read_ratings(path: Path, entries: Sequence[Entry]) -> dict[str, Rating]:
    """Returns a rater's answers to the entries, by item id; rows of other sheets are passed over.

    Answers: yes, no, unsure (or y, n, u, 1, 0) or empty. Raises UsageError naming the line and the answer that is
    none of these, or the column that is missing.
    """
    known = {entry.item_id: (entry.audio_sha256, entry.caption) for entry in entries}
    found: dict[str, Rating] = {}
    for line, cells in read_cells(path):
        where = f"{path}, line {line}"
        if missing := [name for name in COLUMNS[:-1] if cells.get(name) is None]:
            raise UsageError(f"{where}: column {missing[0]!r} is missing; expected {', '.join(COLUMNS)}")
        text = str(cells["answer"]).strip()
        item_id, sound, caption = (_cell(cells, name) for name in ("item_id", "audio_sha256", "caption"))
        if text and known.get(item_id) == (sound, caption):
            found[item_id] = Rating(_answer(text, where), _cell(cells, "note"))
        elif text:
            _answer(text, where)
    return found


def all_ratings(workspace: Workspace, entries: Sequence[Entry]) -> dict[str, dict[str, Rating]]:
    """Returns rater -> item id -> answer, raters in the order of their names."""
    folder = workspace.path(*FOLDER, "ratings")
    return {path.stem: read_ratings(path, entries) for path in sorted(folder.glob("*.csv"))}


def rater_path(workspace: Workspace, rater: str) -> Path:
    """Returns the rater's file. Raises UsageError for an empty name; other characters are made safe."""
    if not rater.strip():
        raise UsageError("the rater's name is empty; give one, e.g. --rate anna")
    return workspace.path(*FOLDER, "ratings", f"{safe_name(rater.strip(), limit=_NAME_LIMIT)}.csv")


def _answer(text: str, where: str) -> Answer:
    lowered = text.lower()
    for answer in ANSWERS:
        if lowered == answer:
            return answer
    if lowered in _SHORT:
        return _SHORT[lowered]
    raise UsageError(f"{where}: answer {text[:40]!r}; expected yes, no or unsure")


def _cell(cells: dict[str, str | None], name: str) -> str:
    from tasks.commands.verify.cells import typed_cell

    return typed_cell(cells.get(name) or "")
