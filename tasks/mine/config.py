"""Settings of the mining stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.settings import StageConfig


class MineConfig(StageConfig):
    """The words themselves are a versioned lexicon in the code (SPEC A1)."""

    splits: tuple[Literal["train", "val", "test"], ...] = Field(
        ("train",), description="which splits are mined and augmented (SPEC A1: training samples)"
    )
