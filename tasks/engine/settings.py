"""Base of every stage's config: pydantic, frozen, unknown fields refused, each field described for the UI's form."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class StageConfig(BaseModel):
    """Fields carry their range and meaning; a wrong value is refused before anything runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)
