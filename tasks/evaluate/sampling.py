"""Sampling options on which the paper is ambiguous, for a command or a config."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from model.config import SumReference
from tasks.engine.settings import StageConfig


class SamplingSettings(StageConfig):
    """Overrides of `model.generate.Sampling`, by field name; None keeps the variant's value (SPEC M12, G8)."""

    sum_reference: SumReference | None = Field(
        None,
        description="start: the reference is added to the initial noise (SPEC G4, G5); path: at every step",
    )
    cfg_keep_reference: bool | None = Field(
        None, description="guidance's null branch keeps the reference (SPEC G7: it has none)"
    )
    mask_surrogate: bool | None = Field(None, description="mask the surrogate video of the reference (SPEC G4)")
    edit_noise: float | None = Field(
        None, ge=0, le=1, description="edit: share of fresh noise in the window; 0: the inverted noise alone (SPEC G6)"
    )

    guidance_rescale: float | None = Field(
        None,
        ge=0,
        le=1,
        description="share by which guidance keeps the conditional estimate's size; 0: MMAudio's guidance (SPEC G7)",
    )

    def over(self, variant: dict[str, Any]) -> dict[str, Any]:
        """Returns keyword arguments of `Sampling`: the variant's, replaced by those set here."""
        return {**variant, **self.model_dump(exclude_none=True)}
