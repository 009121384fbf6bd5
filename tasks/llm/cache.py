"""Every answer ever paid for, in one append-only file: a rerun asks nothing twice, and the budget is its sum.

The file is the only state. Each record is one write under a lock, begins and ends with a newline, and is read only when
whole, so a record that a kill cut short spoils nobody else's, and shards in threads or processes share one file.

Besides answers it holds the *holds* of a budget: tokens set aside before a call. An answer takes its hold's place and a
call that surely cost nothing frees it; the hold of a call that vanished (a kill, a timeout) stays, since the provider
may have billed it.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from data_contracts import to_json

COMPLETIONS: Final = ("llm", "answers.jsonl")
"""Where a workspace keeps the answers of all its stages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a model returned: its raw text, whether it was cut off, and what it cost in tokens.

    `price` is the share of the full price that was paid: below 1 for a batch.
    """

    text: str
    cut_off: bool
    tokens_in: int
    tokens_out: int
    price: float = 1.0


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens in and out, and the same weighted with the share of the price that was paid."""

    tokens_in: int = 0
    tokens_out: int = 0
    priced_in: float = 0.0
    priced_out: float = 0.0

    def plus(self, tokens_in: int, tokens_out: int, price: float = 1.0) -> Spent:
        """Returns the sum with further tokens at a share of the price; negative ones are taken away."""
        return Spent(
            self.tokens_in + tokens_in,
            self.tokens_out + tokens_out,
            self.priced_in + tokens_in * price,
            self.priced_out + tokens_out * price,
        )


@dataclass(slots=True)
class CompletionCache:
    """Answers by key, read from and appended to `path`. Safe in threads; processes see each other's records."""

    path: Path
    _answers: dict[str, Completion] = field(default_factory=dict)
    _reservations: dict[str, tuple[int, int, float]] = field(default_factory=dict)
    _spent: Spent = field(default_factory=Spent)
    _reserved: Spent = field(default_factory=Spent)
    _read_to: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def get(self, key: str) -> Completion | None:
        """Returns the answer to an earlier request with this key, by whichever process."""
        with self._lock:
            self._read_new()
            return self._answers.get(key)

    def put(self, key: str, completion: Completion, reservation: str = "") -> None:
        """Appends an answer, which takes the place of its reservation; it is in the file when this returns."""
        record: dict[str, Any] = {
            "key": key,
            "text": completion.text,
            "cut_off": completion.cut_off,
            "in": completion.tokens_in,
            "out": completion.tokens_out,
        }
        if completion.price != 1.0:
            record["price"] = completion.price
        self._append({**record, "ends": reservation} if reservation else record)

    def spent(self) -> Spent:
        """Returns the sum of all answers in the file, repeated ones included: they were paid."""
        with self._lock:
            self._read_new()
            return self._spent

    def committed(self) -> Spent:
        """Returns what is spent plus what is set aside for calls under way or lost."""
        with self._lock:
            self._read_new()
            reserved = self._reserved
            return Spent(
                self._spent.tokens_in + reserved.tokens_in,
                self._spent.tokens_out + reserved.tokens_out,
                self._spent.priced_in + reserved.priced_in,
                self._spent.priced_out + reserved.priced_out,
            )

    def reserve(self, name: str, tokens_in: int, tokens_out: int, price: float = 1.0) -> None:
        """Sets tokens aside. Call it inside `alone()`, after a look at `committed()`."""
        self._append({"hold": name, "in": tokens_in, "out": tokens_out, "price": price})

    def release(self, name: str) -> None:
        """Ends a reservation of which nothing was spent."""
        self._append({"ends": name})

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps every other writer of this file out, in any process: for a look and a hold in one step."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock, self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _append(self, record: dict[str, Any]) -> None:
        """Writes without taking `alone`: one write with O_APPEND does not mix with others'."""
        data = b"\n" + to_json(record).encode("utf-8", "backslashreplace") + b"\n"
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                if os.write(handle, data) != len(data):
                    raise OSError(f"{self.path}: the answer could not be written whole; is the disk full?")
            finally:
                os.close(handle)

    def _read_new(self) -> None:
        """Takes in the whole lines that were appended since the last look."""
        if not self.path.exists() or self.path.stat().st_size == self._read_to:
            return
        with self.path.open("rb") as file:
            file.seek(self._read_to)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._read_to += whole
        for line in data[:whole].split(b"\n"):
            if line:
                self._take_in(line)

    def _take_in(self, line: bytes) -> None:
        try:
            record = json.loads(line)
            if "hold" in record:
                self._begin(str(record["hold"]), int(record["in"]), int(record["out"]), float(record["price"]))
                return
            if "key" in record:
                answer = _answer(record)
                self._answers[str(record["key"])] = answer
                self._spent = self._spent.plus(answer.tokens_in, answer.tokens_out, answer.price)
            if "ends" in record:
                self._end(str(record["ends"]))
        except (ValueError, KeyError, TypeError):
            return  # not a record of ours, or one that a kill cut short

    def _begin(self, name: str, tokens_in: int, tokens_out: int, price: float) -> None:
        self._reservations[name] = (tokens_in, tokens_out, price)
        self._reserved = self._reserved.plus(tokens_in, tokens_out, price)

    def _end(self, name: str) -> None:
        if name in self._reservations:
            tokens_in, tokens_out, price = self._reservations.pop(name)
            self._reserved = self._reserved.plus(-tokens_in, -tokens_out, price)


def _answer(record: dict[str, Any]) -> Completion:
    return Completion(
        text=str(record["text"]),
        cut_off=bool(record["cut_off"]),
        tokens_in=int(record["in"]),
        tokens_out=int(record["out"]),
        price=float(record.get("price", 1.0)),
    )
