"""A stage that takes long, run as the command line runs one: `WORKSPACE KIND`, one of KINDS."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from typing import ClassVar

from data_contracts import ItemError, Row
from flows import cli
from tasks import pipeline
from tasks.engine import Item
from tasks.engine.workspace import Workspace
from tests.flows.steps import Single, tiny_step
from tests.tasks.engine.tiny import TinyRow, TinyStage


@dataclass(frozen=True)
class Slow(TinyStage):
    """The first items are quick, the others never end."""

    name: ClassVar[str] = "slow"

    def _row(self, item: Item, workspace: Workspace) -> list[TinyRow]:
        if item.payload["number"] < 20:
            time.sleep(600)
        return super()._row(item, workspace)


@dataclass(frozen=True)
class Programs(TinyStage):
    """Each item is a program; one that is ended by a signal looks like an item that cannot be processed."""

    name: ClassVar[str] = "programs"

    def _row(self, item: Item, workspace: Workspace) -> list[TinyRow]:
        if subprocess.run(["sleep", "0.02" if item.payload["number"] >= 20 else "600"], check=False).returncode:
            raise ItemError("tool_failed", "sleep was ended")
        return super()._row(item, workspace)


class Endless(Single):
    """One piece of work, in the main thread."""

    def make(self, workspace: Workspace) -> list[Row]:
        workspace.stage(self.name)
        workspace.path("single", "begun").touch()
        time.sleep(600)
        return []


KINDS = {"threads": Slow, "processes": Slow, "programs": Programs, "single": Endless}


def main(folder: str, kind: str) -> None:
    stage = KINDS[kind]()
    pipeline.STEPS = (tiny_step(stage.name, lambda _: stage),)  # type: ignore[misc]
    runner = "processes" if kind == "processes" else "threads"
    sys.argv = ["foleygenex", "run", stage.name, "demo", "-w", folder, "--set", f"runner={runner}"]
    cli.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
