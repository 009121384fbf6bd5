"""Settings of the manifest stage."""

from __future__ import annotations

from pydantic import Field

from tasks.engine.settings import StageConfig


class ManifestConfig(StageConfig):
    """Which rows become training rows."""

    include_augmented: bool = Field(True, description="add the adverb-augmented rows (SPEC D4)")
