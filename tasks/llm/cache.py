"""Every completion that was paid for, in one append-only file: nothing is paid for twice, and the budget is its sum.

The file is the only state. Each record is one write that begins and ends with a newline, and only whole records are
read. So a record that a kill cut short damages no other, and shards in threads or processes share one file.

The file also has the budget's reservations: tokens set aside before a call. A completion replaces its reservation; a
call that surely cost nothing releases it; that of a call that got lost (a kill, a timeout) stays, since the provider
may have billed it.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from data_contracts import to_json
from tasks.engine.locks import exclusive
from tasks.llm.completion import Completion

COMPLETIONS: Final = ("llm", "answers.jsonl")
"""Where a workspace keeps the completions of all its stages."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens in and out, and the same weighted with the share of the full price that is paid for them."""

    tokens_in: int = 0
    tokens_out: int = 0
    priced_in: float = 0.0
    priced_out: float = 0.0

    @classmethod
    def at(cls, tokens_in: int, tokens_out: int, price_share: float) -> Spent:
        """Returns tokens at a share of the price."""
        return cls(tokens_in, tokens_out, tokens_in * price_share, tokens_out * price_share)

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.priced_in + other.priced_in,
            self.priced_out + other.priced_out,
        )

    @property
    def tokens(self) -> int:
        """Tokens in and out together."""
        return self.tokens_in + self.tokens_out


@dataclass(slots=True)
class CompletionCache:
    """Completions by key, read from and appended to `path`. Safe in threads; processes see each other's records.

    `run` names the run that uses it: one without an answer is only valid for the run that paid for it, so that the
    next run may do better, and so is one that `doubt` was called for. Without a name, the completions of all runs are
    valid.
    """

    path: Path
    run: str = ""
    _completions: dict[str, tuple[Completion, str]] = field(default_factory=dict)  # and the run that paid for it
    _doubted: dict[str, str] = field(default_factory=dict)  # and the run for which it is valid
    _reservations: dict[str, Spent] = field(default_factory=dict)
    _spent: Spent = field(default_factory=Spent)
    _read_to: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def get(self, key: str) -> Completion | None:
        """Returns the completion of an earlier request with this key, made by any process."""
        with self._lock:
            self._read_new()
            completion, run = self._completions.get(key, (None, ""))
            doubted_by = self._doubted.get(key, self.run)
        if self.run and doubted_by != self.run:
            return None
        if completion is None or not self.run or self.run == run or completion.usable:
            return completion
        return None

    def put(self, key: str, completion: Completion, reservation: str = "") -> None:
        """Appends a completion, which replaces its reservation; it is in the file when this returns."""
        record: dict[str, Any] = {"key": key, "text": completion.text, "cut_off": completion.cut_off}
        if completion.refused:
            record["refused"] = True
        if self.run and not completion.usable:
            record["run"] = self.run
        self._append(record | _price(completion, reservation))

    def charge(self, completion: Completion, reservation: str = "") -> None:
        """Counts a completion as spent without keeping it."""
        self._append(_price(completion, reservation))

    def doubt(self, key: str) -> None:
        """Keeps a completion for this run only: its answer was refused, and the model may have been at fault."""
        self._append({"doubts": key, "run": self.run})

    def spent(self) -> Spent:
        """Returns the sum of all completions in the file, repeated ones included: they were paid."""
        with self._lock:
            self._read_new()
            return self._spent

    def committed(self) -> Spent:
        """Returns what is spent plus what is reserved for calls in flight or lost."""
        with self._lock:
            return sum(self._reservations.values(), self.spent())

    def reserve(self, name: str, tokens_in: int, tokens_out: int, price_share: float) -> None:
        """Sets tokens aside. Call it inside `exclusive()`, after a check of `committed()`."""
        self._append({"hold": name, "in": tokens_in, "out": tokens_out, "price": price_share})

    def release(self, name: str) -> None:
        """Ends a reservation of which nothing was spent."""
        self._append({"ends": name})

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Excludes all other reservations, in any process, so that a check and a reservation are one step."""
        with self._lock, exclusive(self.path.with_suffix(".lock")):
            yield

    def _append(self, record: dict[str, Any]) -> None:
        """Writes without the lock file: one write with O_APPEND does not mix with others'."""
        data = b"\n" + to_json(record).encode("utf-8", "backslashreplace") + b"\n"
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                if os.write(handle, data) != len(data):
                    raise OSError(f"{self.path}: a completion could not be written whole; is the disk full?")
            finally:
                os.close(handle)

    def _read_new(self) -> None:
        """Reads the whole lines that were appended since the last call."""
        if not self.path.exists() or self.path.stat().st_size == self._read_to:
            return
        with self.path.open("rb") as file:
            file.seek(self._read_to)
            data = file.read()
        whole = data.rfind(b"\n") + 1
        self._read_to += whole
        for line in filter(None, data[:whole].split(b"\n")):
            try:
                self._add(json.loads(line))
            except (ValueError, KeyError, TypeError):
                continue  # not a record of ours, or one that a kill cut short

    def _add(self, record: dict[str, Any]) -> None:
        if "hold" in record:
            self._reservations[str(record["hold"])] = _tokens(record)
            return
        if "doubts" in record:
            self._doubted[str(record["doubts"])] = str(record["run"])
            return
        if "in" in record:
            self._spent += _tokens(record)
        if "key" in record:
            self._completions[str(record["key"])] = _completion(record), str(record.get("run", ""))
            self._doubted.pop(str(record["key"]), None)
        if "ends" in record:
            self._reservations.pop(str(record["ends"]), None)


def _price(completion: Completion, reservation: str) -> dict[str, Any]:
    record: dict[str, Any] = {"in": completion.tokens_in, "out": completion.tokens_out}
    if completion.price_share != 1.0:
        record["price"] = completion.price_share
    return record | ({"ends": reservation} if reservation else {})


def _tokens(record: dict[str, Any]) -> Spent:
    return Spent.at(int(record["in"]), int(record["out"]), float(record.get("price", 1.0)))


def _completion(record: dict[str, Any]) -> Completion:
    return Completion(
        text=str(record["text"]),
        cut_off=bool(record["cut_off"]),
        refused=bool(record.get("refused")),
        tokens_in=int(record["in"]),
        tokens_out=int(record["out"]),
        price_share=float(record.get("price", 1.0)),
    )
