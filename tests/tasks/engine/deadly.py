"""A stage whose item 5 kills its process. As a program: `python -m tests.tasks.engine.deadly WORKSPACE [heal]`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tasks.engine import Item, ItemResult, each, run_stage
from tasks.engine.workspace import Workspace
from tests.tasks.engine.tiny import TinyRow, TinyStage

DEADLY = 5


class Deadly(TinyStage):
    """Takes its items one by one, and dies at `DEADLY` until there is a file `healed` in the workspace."""

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        def work(item: Item) -> list[TinyRow]:
            if item.payload["number"] == DEADLY and not workspace.path("healed").exists():
                os.kill(os.getpid(), signal.SIGKILL)
            return self._row(item, workspace)

        yield from each(items, work)


if __name__ == "__main__":
    run_stage(Deadly(count=12), Workspace(Path(sys.argv[1])), shard_size=4)
