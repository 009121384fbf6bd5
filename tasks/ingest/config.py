"""Settings of the ingest stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.corpus.config import CorpusConfig
from tasks.engine.quality import AcceptedShare
from tasks.engine.settings import StageConfig

Matching = Literal["similar", "equal", "none"]


class IngestConfig(StageConfig):
    """How clips are cut (SPEC D1-D3)."""

    corpus: CorpusConfig = CorpusConfig()
    corpora: tuple[CorpusConfig, ...] = Field((), description="several corpora in one run, in place of `corpus`")
    clip_s: float = Field(8.0, gt=0.5, le=30, description="clip length in seconds (SPEC D1-D3: 8)")
    min_s: float = Field(0.5, gt=0, description="shorter recordings are quarantined")
    split_from_s: float = Field(16.0, description="TTA recordings this long are split into portions (SPEC D3)")
    max_portions: int = Field(5, ge=1, description="at most this many portions per recording (SPEC D3)")
    tail_s: float = Field(
        2.5,
        ge=0,
        le=30,
        description="seconds kept of what follows a clip in a recording without video: faster playback needs more than "
        "a clip to fill one (x1.3: 2.47); 0: none",
    )
    copy_side: int = Field(
        720,
        ge=0,
        description="an H.264 or HEVC video whose short side has at most this many pixels is cut without "
        "encoding, at a frame; 0: never",
    )
    max_side: int = Field(480, ge=64, description="short side of a video that is cut; encoders take 384 pixels or less")
    duplicates: Matching = Field(
        "similar",
        description="which recordings get one group, and so one split: those with audio in common (by a fingerprint), "
        "those with equal audio only, or none but those of one group in the lists",
    )
    accept_quarantined: AcceptedShare = Field(
        0.5,
        description="largest share of recordings that may be quarantined, without those held out for another corpus's "
        "test; past it the stage fails",
    )
    val_share: float = Field(
        0.04, ge=0, lt=0.5, description="share of groups for validation, where the table has no split"
    )
    test_share: float = Field(0.12, ge=0, lt=0.5, description="share of groups for test, where the table has no split")
