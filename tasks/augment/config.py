"""Settings of the augmentation stage (SPEC A2-A5)."""

from __future__ import annotations

from pydantic import Field

from tasks.settings import StageConfig


class AugmentConfig(StageConfig):
    """Amounts the paper states are fixed in the code; these are the ones it leaves open."""

    silence_db: float = Field(-60.0, lt=0, description="below this level (dBFS) leading and trailing sound is silence")
    dynamics_db: float = Field(20.0, gt=3, description="span of a crescendo or decrescendo in dB")
    near_m: float = Field(0.5, gt=0.1, description="near source distance in metres")
    far_m: float = Field(7.0, gt=2.0, description="far source distance in metres")
    max_s: float = Field(8.0, gt=0.5, description="a slowed sound is cut to this length (SPEC D2)")
