"""Settings of the augmentation stage (SPEC A2-A5)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.engine.settings import StageConfig

Backend = Literal["fast", "tool"]


class AugmentConfig(StageConfig):
    """Amounts the paper states are fixed in the code; these are the ones it leaves open."""

    backend: Backend = Field(
        "fast", description="tool: SoX and FFmpeg as programs; fast: in process, proven equal to them by tests"
    )
    speed_method: Literal["speed", "tempo"] = Field(
        "speed", description="speed: playback rate, pitch moves (SPEC A3); tempo: SoX tempo, pitch stays"
    )
    silence_db: float = Field(-60.0, lt=0, description="below this level (dBFS) leading and trailing sound is silence")
    dynamics_db: float = Field(20.0, gt=3, description="span of a crescendo or decrescendo in dB")
    near_m: float = Field(0.5, gt=0.1, description="near source distance in metres")
    far_m: float = Field(7.0, gt=2.0, description="far source distance in metres")
    rooms: int = Field(1000, ge=0, description="rooms in the bank that far sounds are drawn from; 0: a room per item")
    max_s: float = Field(8.0, gt=0.5, description="a slowed sound is cut to this length (SPEC D2)")
