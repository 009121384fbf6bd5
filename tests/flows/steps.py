"""Small stages and steps for the tests of what runs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from data_contracts import Row
from tasks.config import PipelineConfig
from tasks.engine import SingleItemStage, Stage
from tasks.engine.workspace import Workspace
from tasks.pipeline import Step
from tests.tasks.engine.tiny import TinyStage


class First(TinyStage):
    name: ClassVar[str] = "first"


class Second(TinyStage):
    name: ClassVar[str] = "second"


class Single(SingleItemStage):
    name: ClassVar[str] = "single"
    version: ClassVar[int] = 1

    def settings(self) -> dict[str, Any]:
        return {}

    def payload(self, workspace: Workspace) -> dict[str, Any]:
        return {}

    def make(self, workspace: Workspace) -> list[Row]:
        return []


def tiny_step(name: str, make: Callable[[PipelineConfig], Stage]) -> Step:
    return Step(name=name, description="", make=make, group=None, tags=())
