"""Settings of the commands that compare trainings: the ablation table and the test of the paper's claims (M12, G8)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from data_contracts import UsageError
from data_contracts.generation import TASKS
from model.variants import variant
from tasks.engine.settings import StageConfig


class AblationsConfig(StageConfig):
    """Which configurations are compared, and on what. Training and sampling are those of `train` and `evaluate`."""

    variants: tuple[str, ...] = Field(
        ("m-1", "m-2", "m-3", "full", "no-sum"), description="named configurations; mmaudio-s1, -s2, -s3 can be added"
    )
    tasks: tuple[str, ...] = Field(("vta", "ac-vta", "fe"), description="generation tasks that are scored")

    @field_validator("variants")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known_variants(names)

    @field_validator("tasks")
    @classmethod
    def _tasks(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = [name for name, task in TASKS.items() if "sync" in task.needs]
        if wrong := [name for name in names if name not in known]:
            raise ValueError(f"task {wrong[0]!r} is not scored against a video; choose from {', '.join(known)}")
        return names


class ClaimsConfig(StageConfig):
    """Which configurations are trained with which seeds. Training and sampling are those of `train` and `evaluate`."""

    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (1, 2, 3), min_length=1, description="of the trainings; each trains every variant"
    )
    variants: tuple[str, ...] = Field(
        ("full", "no-sum", "m-3", "m-1", "no-aa", "m-2"),
        min_length=2,
        description="in the order of the work within a seed",
    )

    @field_validator("seeds")
    @classmethod
    def _different(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"a seed is named twice in {seeds}; the same training again says nothing new")
        return seeds

    @field_validator("variants")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known_variants(names)


def _known_variants(names: tuple[str, ...]) -> tuple[str, ...]:
    try:
        for name in names:
            variant(name)
    except UsageError as error:
        raise ValueError(str(error)) from error
    if len(set(names)) < len(names):
        raise ValueError(f"a variant is named twice in {', '.join(names)}; the same training again says nothing new")
    return names
