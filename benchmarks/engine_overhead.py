"""What the engine and Prefect cost per item: `python benchmarks/engine_overhead.py [ITEMS]`.

Prints microseconds per item of the engine alone (journal, keys, table), of a finished stage's check, and of the engine
over Prefect in shards of 256, and the ratio of the last to the first.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from data_contracts import Row
from flows.settings import ship_settings
from tasks.config import PipelineConfig
from tasks.engine import Item, ItemResult, Stage, each, run_stage
from tasks.engine.progress import silent
from tasks.engine.workspace import Workspace

SHARD = 256


@dataclass(frozen=True, kw_only=True)
class Nothing(Row):
    """A row without content."""

    TABLE: ClassVar[str] = "nothing"
    item_id: str
    text: str


@dataclass(frozen=True)
class IdleStage(Stage):
    """A stage that does nothing, `count` times."""

    count: int
    name: ClassVar[str] = "idle"
    version: ClassVar[int] = 1
    row_type: ClassVar[type[Row]] = Nothing

    def settings(self) -> dict[str, Any]:
        return {}

    def items(self, workspace: Workspace) -> list[Item]:  # noqa: ARG002
        return [Item(f"item-{n:07d}", {"text": f"a dog barks {n} times"}) for n in range(self.count)]

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:  # noqa: ARG002
        yield from each(items, lambda item: [Nothing(item_id=item.item_id, text=item.payload["text"])])


def measure(work: Callable[[], object]) -> float:
    """Returns the seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def over_prefect(stage: IdleStage, space: Workspace) -> float:
    """Returns the seconds of the stage over Prefect, without the server's start."""
    ship_settings(quiet=True)
    from prefect import flow

    from flows.runner import shard_mapper

    @flow(name="warm-up")
    def warm_up() -> None:
        return None

    @flow(name="idle")
    def idle() -> None:
        mapper = shard_mapper(stage, PipelineConfig(workers=2), space, silent)
        run_stage(stage, space, shard_size=SHARD, mapper=mapper)

    warm_up()
    return measure(idle)


def main() -> None:
    """Runs the three measurements."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    stage = IdleStage(count)
    with tempfile.TemporaryDirectory() as folder:
        plain = Workspace(Path(folder) / "plain")
        engine = measure(lambda: run_stage(stage, plain, shard_size=SHARD))
        check = measure(lambda: run_stage(stage, plain, shard_size=SHARD))
        prefect = over_prefect(stage, Workspace(Path(folder) / "prefect"))
    scale = 1e6 / count
    print(f"engine        {engine * scale:8.1f} us per item")
    print(f"finished      {check * scale:8.1f} us per item to find nothing to do")
    print(f"over Prefect  {prefect * scale:8.1f} us per item in shards of {SHARD}")
    print(f"ratio         {prefect / engine:8.2f}")


if __name__ == "__main__":
    main()
