"""A stage that costs nothing: one row and one file per item, bad items on request. As a program it can be killed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from data_contracts import ItemError, Row
from data_contracts.files import atomic_path
from tasks.engine import Item, ItemResult, Stage, each, run_stage
from tasks.engine.workspace import Workspace, hash_text, seed_for


@dataclass(frozen=True, kw_only=True)
class TinyRow(Row):
    """What the tiny stage writes."""

    TABLE: ClassVar[str] = "tinies"
    item_id: str
    value: int
    share: float
    words: tuple[str, ...]
    note: str | None


@dataclass(frozen=True)
class TinyStage(Stage):
    """`count` items; every item whose number is in `bad` fails until there is a file `healed` in the workspace."""

    count: int = 40
    factor: int = 2
    bad: tuple[int, ...] = ()
    delay_s: float = 0.0
    texts: tuple[str, ...] = ()
    name: ClassVar[str] = "tiny"
    version: ClassVar[int] = 1
    row_type: ClassVar[type[Row]] = TinyRow

    def settings(self) -> dict[str, Any]:
        return {"factor": self.factor}

    def items(self, workspace: Workspace) -> list[Item]:
        texts = self.texts or tuple(f"text {n}" for n in range(self.count))
        return [Item(f"item-{n:04d}", {"number": n, "text": text}) for n, text in enumerate(texts)]

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        # In reverse and after a pause: the table's order must not depend on the order of the work.
        yield from each(list(reversed(items)), partial(self._row, workspace=workspace))

    def _row(self, item: Item, workspace: Workspace) -> list[TinyRow]:
        number = item.payload["number"]
        time.sleep(self.delay_s)
        if number in self.bad and not workspace.path("healed").exists():
            raise ItemError("unlucky", f"number {number} is bad")
        folder = workspace.stage(self.name) / "files"
        with atomic_path(folder / f"{item.item_id}.txt") as temporary:
            temporary.write_text(hash_text(item.payload["text"], str(self.factor)))
        seed = seed_for("1", self.name, item.item_id)
        words = tuple(item.payload["text"].split())
        value = number * self.factor
        return [TinyRow(item_id=item.item_id, value=value, share=seed / 2**63, words=words, note=None)]


if __name__ == "__main__":
    run_stage(TinyStage(count=60, bad=(7, 31), delay_s=0.01), Workspace(Path(sys.argv[1])), shard_size=8)
