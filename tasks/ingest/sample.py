"""An even sample of a stream whose length is not known: every n-th item, n doubling as the stream goes on."""

from __future__ import annotations

from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")


class EvenSample(Generic[ItemT]):
    """Keeps every item of a short stream, else between half of `limit` and `limit` items, evenly spaced.

    Its length is the number of items seen.
    """

    def __init__(self, limit: int) -> None:
        self.kept: list[ItemT] = []
        self.step = 1
        self._limit = limit
        self._seen = 0

    def add(self, item: ItemT) -> None:
        """Adds the stream's next item."""
        if self._seen % self.step == 0:
            self.kept.append(item)
        self._seen += 1
        if len(self.kept) > self._limit:
            del self.kept[1::2]
            self.step *= 2

    def __len__(self) -> int:
        return self._seen
