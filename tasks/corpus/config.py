"""Settings of the corpus that clips are taken from."""

from __future__ import annotations

import codecs
from typing import Final, Literal

from pydantic import Field, field_validator

from tasks.engine.settings import StageConfig

RENDERED: Final = "builtin"
"""`Clip.source` of what the built-in corpus rendered."""


class CorpusConfig(StageConfig):
    """The corpus that clips are taken from."""

    kind: Literal["builtin", "table", "vggsound", "audiocaps", "wavcaps", "greatest_hits", "clotho", "hf"] = Field(
        "builtin", description="the built-in corpus, a CSV/Parquet of your own, or the layout of a public corpus"
    )
    path: str | None = Field(
        None,
        description="table: CSV or Parquet with audio, caption[, video, split, group, id, licence]; public corpora: "
        "the list, or a folder of lists; hf: a folder that `save_to_disk` wrote",
    )
    media: str | None = Field(None, description="public corpora: folder of the recordings; empty: beside the list")
    name: str | None = Field(None, description="the source's name in ids and tables; empty: the kind")
    encoding: str = Field("utf-8", description="text encoding of the lists; a byte order mark overrides it")
    licence: str | None = Field(None, description="licence of every recording that states none")
    split: Literal["official", "train", "val", "test"] = Field(
        "official", description="public corpora: official, or this one where the official split is not test"
    )
    test_ids: str | None = Field(None, description="file, one id a line: these recordings are test, never trained on")
    only_test_ids: bool = Field(
        False, description="with test_ids: test recordings that the file does not name are left out (AudioCaps: 964)"
    )
    video_clips: int = Field(240, ge=2, description="builtin: scenes with video and audio")
    audio_clips: int = Field(192, ge=0, description="builtin: text-audio scenes without video")
    lag_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="builtin: share of the videos whose audio comes 120 to 240 ms late, each by its own",
    )
    distractor_share: float = Field(
        0.0, ge=0, le=1, description="builtin: share of the videos in which something else moves, without contact"
    )
    off_screen_share: float = Field(
        0.0, ge=0, le=1, description="builtin: share of the videos with a second, quieter source that is not shown"
    )
    seed: int = Field(20260614, description="builtin: seed of the rendering")

    @field_validator("encoding")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            "".encode(name)
        except LookupError as error:
            raise ValueError(f"{name!r} is no text encoding; name one such as utf-8, cp1252 or utf-16-le") from error
        return codecs.lookup(name).name
