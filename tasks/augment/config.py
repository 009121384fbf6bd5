"""Settings of the augmentation stage (SPEC A2-A5)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.engine.settings import StageConfig

AudioBackend = Literal["fast", "tool"]


class AugmentConfig(StageConfig):
    """The amounts that the paper leaves open; those that it states are constants beside their operation."""

    backend: AudioBackend = Field(
        "fast",
        description="tool: SoX and FFmpeg as programs; fast: the same in process, as tests check",
    )
    speed_method: Literal["speed", "tempo"] = Field(
        "speed", description="speed: playback rate, pitch moves (SPEC A3); tempo: SoX tempo, pitch stays"
    )
    silence_db: float = Field(-60.0, lt=0, description="audio at the ends below this level (dBFS) is silence")
    dynamics_db: float = Field(20.0, gt=3, description="span of a crescendo or decrescendo in dB")
    near_m: float = Field(0.5, gt=0.1, description="near source distance in metres")
    far_m: float = Field(7.0, gt=2.0, description="far source distance in metres")
    rooms: int = Field(1000, ge=0, description="number of simulated rooms that far items draw from; 0: a room per item")
    max_s: float = Field(8.0, gt=0.5, description="longest audio of a row in seconds; what is longer is cut (SPEC D2)")
