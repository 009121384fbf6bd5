"""Every answer ever paid for, in one append-only file: a rerun asks nothing twice, and the budget is its sum.

The file is the only state. Each record is one write that begins and ends with a newline, so a record that a kill
cut short spoils nobody else's, and shards in threads or processes share one file.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from data_contracts import to_json

ANSWERS: Final = ("llm", "answers.jsonl")
"""Where a workspace keeps the answers of all its stages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model returned: its raw text, whether it was cut off, and what it cost in tokens."""

    text: str
    cut_off: bool
    tokens_in: int
    tokens_out: int


@dataclass(slots=True)
class AnswerCache:
    """Answers by key, read from and appended to `path`. Safe in threads; processes see each other's answers."""

    path: Path
    _answers: dict[str, Answer] = field(default_factory=dict)
    _read_to: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: str) -> Answer | None:
        """Returns the answer to an earlier request with this key, by whichever process."""
        with self._lock:
            self._read_new()
            return self._answers.get(key)

    def put(self, key: str, answer: Answer) -> None:
        """Appends an answer; it is in the file when this returns."""
        record = {
            "key": key,
            "text": answer.text,
            "cut_off": answer.cut_off,
            "in": answer.tokens_in,
            "out": answer.tokens_out,
        }
        data = b"\n" + to_json(record).encode() + b"\n"
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                os.write(handle, data)
            finally:
                os.close(handle)

    def spent(self) -> tuple[int, int]:
        """Returns the tokens (in, out) of all answers in the file."""
        with self._lock:
            self._read_new()
            answers = self._answers.values()
            return sum(a.tokens_in for a in answers), sum(a.tokens_out for a in answers)

    def _read_new(self) -> None:
        """Takes in the whole lines that were appended since the last look."""
        if not self.path.exists() or self.path.stat().st_size == self._read_to:
            return
        with self.path.open("rb") as file:
            file.seek(self._read_to)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._read_to += whole
        for line in data[:whole].splitlines():
            if parsed := _parse(line):
                self._answers[parsed[0]] = parsed[1]


def _parse(line: bytes) -> tuple[str, Answer] | None:
    try:
        record = json.loads(line)
        answer = Answer(
            text=str(record["text"]),
            cut_off=bool(record["cut_off"]),
            tokens_in=int(record["in"]),
            tokens_out=int(record["out"]),
        )
        return str(record["key"]), answer
    except (ValueError, KeyError, TypeError):
        return None
