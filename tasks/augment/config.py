"""Settings of the augmentation stage (SPEC A2-A5)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from tasks.engine.quality import AcceptedShare
from tasks.engine.settings import StageConfig
from tasks.media.silence import SILENCE_DB

AudioBackend = Literal["fast", "tool"]
Curve = Literal["straight", "late", "early"]
"""How a trend moves in dB: in a line, or with most of the change late or early."""


def _both_ends(value: Any) -> Any:
    """Returns one number as a range of that number alone."""
    return (value, value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _ordered(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError(f"the range begins at {value[0]:g}, above its end {value[1]:g}")
    return value


_AsRange = (BeforeValidator(_both_ends), AfterValidator(_ordered))
Metres = Annotated[tuple[Annotated[float, Field(gt=2, le=20)], Annotated[float, Field(gt=2, le=20)]], *_AsRange]
Seconds = Annotated[tuple[Annotated[float, Field(ge=0.2, le=1.5)], Annotated[float, Field(ge=0.2, le=1.5)]], *_AsRange]
Decibels = Annotated[tuple[Annotated[float, Field(gt=3, le=60)], Annotated[float, Field(gt=3, le=60)]], *_AsRange]

MISSING_PROGRAMS: Final = (
    "`apt-get install sox libsox-fmt-all ffmpeg`, or set augment.backend=fast and augment.speed_method=speed"
)
"""What to do where the programs are missing that the stage would start."""


class AugmentConfig(StageConfig):
    """The amounts that the paper leaves open; those that it states are constants beside their operation."""

    NOT_IN_RESULTS: ClassVar[frozenset[str]] = frozenset({"accept_effect_missing", "accept_quarantined"})

    backend: AudioBackend = Field(
        "fast",
        description="tool: SoX and FFmpeg as programs; fast: the same in process, as tests check",
    )
    speed_method: Literal["speed", "tempo"] = Field(
        "speed", description="speed: playback rate, pitch moves (SPEC A3); tempo: SoX tempo, pitch stays"
    )
    equal_lengths: bool = Field(
        True, description="all speed levels of a clip are cut to one length, so that length does not tell the level"
    )
    silence_db: float = Field(SILENCE_DB, lt=0, description="audio at the ends below this level (dBFS) is silence")
    dynamics_db: Decibels = Field(
        (12.0, 30.0),
        description="range of a crescendo's or decrescendo's span in dB, within 3 to 60; an item draws its own",
    )
    dynamics_curves: tuple[Curve, ...] = Field(
        ("straight", "late", "early"),
        min_length=1,
        description="courses of a trend in dB; an item draws one: a line, most of the change late, or early",
    )
    near_m: float = Field(0.5, gt=0.1, le=1.5, description="near source distance in metres")
    far_m: Metres = Field(
        (3.0, 12.0), description="range of far source distances in metres, within 2 to 20; a room draws its own"
    )
    t60_s: Seconds = Field(
        (0.4, 0.9), description="range of reverberation times in seconds, within 0.2 to 1.5; a room draws its own"
    )
    rooms: int = Field(1000, ge=0, description="number of simulated rooms that far items draw from; 0: a room per item")
    accept_effect_missing: AcceptedShare = Field(
        0.5,
        description="largest share of changes that may be without their effect; past it the stage fails",
    )
    accept_quarantined: AcceptedShare = Field(
        0.3, description="largest share of changes that may be quarantined for other reasons; past it the stage fails"
    )
    max_s: float = Field(8.0, gt=0.5, description="longest audio of a row in seconds; what is longer is cut (SPEC D2)")
