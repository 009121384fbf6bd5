"""The readings of the paper at inference that a person may change: DESIGN's switches, for a command or a config."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from model.config import SumReference
from tasks.engine.settings import StageConfig


class SamplingSettings(StageConfig):
    """Each is `model.generate.Sampling`'s field of that name; empty: as the variant says (SPEC M12, G8)."""

    sum_reference: SumReference | None = Field(
        None, description="start: the reference is added to the initial noise (SPEC G4, G5); path: held on its own path"
    )
    cfg_keep_reference: bool | None = Field(
        None, description="guidance's null branch keeps the reference (SPEC G7: it has none)"
    )
    mask_surrogate: bool | None = Field(None, description="hide the video that stands for the reference's (SPEC G4)")
    edit_noise: float | None = Field(
        None, ge=0, le=1, description="edit: share of fresh noise in the window; 0: the inverted noise alone (SPEC G6)"
    )

    def over(self, variant: dict[str, Any]) -> dict[str, Any]:
        """Returns keywords of `Sampling`: a variant's, with what was set here in their place."""
        return {**variant, **self.model_dump(exclude_none=True)}
