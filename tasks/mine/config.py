"""Settings of the mining stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.engine.settings import StageConfig


class MineConfig(StageConfig):
    """The words and the rules of the parse are versioned in the code (SPEC A1)."""

    splits: tuple[Literal["train", "val", "test"], ...] = Field(
        ("train",), description="which splits are mined and augmented (SPEC A1: training samples)"
    )
    parser: Literal["auto", "spacy", "rules"] = Field(
        "auto",
        description="spacy reads each caption's dependency parse; rules look at neighbouring words; auto parses where "
        "the parser's model was fetched, and says so where it was not",
    )
