"""The tables of the data set, from the ingested clips to their features, and the quarantine, which every stage has.

Training, generated audio and scores are in `results.py`.

Legend: `item_id` is unique in its table; `parent_id` is the row it was made from; `clip_id` is the ingested clip at
the root of the lineage. Paths are relative to the workspace. `*_json` cells are canonical JSON (`to_json`).
Times are seconds, levels dB, rates Hz. `split` is one of train, val, test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from data_contracts.contract import Row


@dataclass(frozen=True, kw_only=True)
class Clip(Row):
    """One clip of at most 8 s (SPEC D1-D3). `subset` is vta (has video) or tta.

    `tail_path` is the audio that follows the clip in its recording, None where there is none or it was not kept.
    """

    TABLE: ClassVar[str] = "clips"
    VERSION: ClassVar[int] = 3
    item_id: str
    source: str
    source_path: str
    source_sha256: str = ""  # of the source file as it was read
    source_start_s: float
    group_id: str  # recordings that must stay on one side of a split
    subset: str
    split: str
    caption: str
    audio_path: str
    audio_sha256: str
    sample_rate_hz: int
    source_channels: int
    source_duration_s: float = 0.0  # of the whole recording, probed once; `sample_rate_hz` is the source's own
    duration_s: float
    video_path: str | None
    video_sha256: str | None
    tail_path: str | None = None
    tail_sha256: str | None = None
    event_times_s: tuple[float, ...] | None  # true events, where known
    attributes_json: str  # what is known of the scene (material, rate, distance, ...)
    licence: str
    seed: int
    tools_json: str


@dataclass(frozen=True, kw_only=True)
class Mined(Row):
    """One caption that names one side of one dimension (SPEC A1). `start`/`end` are character offsets."""

    TABLE: ClassVar[str] = "mined"
    VERSION: ClassVar[int] = 2
    item_id: str
    parent_id: str
    caption: str
    dimension: str  # speed, distance, volume
    side: str  # fast, slow, far, near, loud, quiet
    words: str
    start: int
    end: int
    pos: str  # adverb, adjective, phrase
    method: str = "rules-1"  # what found it, with its version: spacy-... (parsed) or rules-...


@dataclass(frozen=True, kw_only=True)
class Augmented(Row):
    """One sound changed by one recipe, with the effect measured afterwards (SPEC A2-A5)."""

    TABLE: ClassVar[str] = "augmented"
    VERSION: ClassVar[int] = 2
    item_id: str
    parent_id: str
    clip_id: str
    split: str
    caption: str  # the original caption
    dimension: str
    side: str
    cue_words: str  # the mined words, `caption[cue_start:cue_end]`
    cue_start: int
    cue_end: int
    cue_pos: str  # adverb, adjective, phrase
    operation: str  # speed, distance, dynamics, original
    level: str  # very_fast, fast, medium, slow, very_slow, far, crescendo, decrescendo
    recipe_json: str
    measured_json: str
    audio_path: str
    audio_sha256: str
    sample_rate_hz: int
    duration_s: float
    event_times_s: tuple[float, ...] | None
    seed: int
    tools_json: str


@dataclass(frozen=True, kw_only=True)
class Caption(Row):
    """The new caption of an augmented sound (SPEC A6). `item_id` = the augmented row's id + `-cap`."""

    TABLE: ClassVar[str] = "captions"
    VERSION: ClassVar[int] = 2
    item_id: str
    parent_id: str
    caption_before: str
    caption: str
    cue_start: int  # where `caption` says the level, with its intensifier
    cue_end: int
    level: str
    source: str  # llm, llm_retry, rule, original
    writer: str  # model name, or the rule set's name
    prompt_version: str
    attempts: int
    rejected_json: str  # answers the validator refused, with its reasons


@dataclass(frozen=True, kw_only=True)
class Paraphrase(Row):
    """One paraphrase of an augmented caption (SPEC A7)."""

    TABLE: ClassVar[str] = "paraphrases"
    item_id: str
    parent_id: str  # the captions row
    caption: str
    key_tokens: tuple[str, ...]
    source: str  # llm, rule
    writer: str
    prompt_version: str


@dataclass(frozen=True, kw_only=True)
class ManifestRow(Row):
    """One training or test row (SPEC D4, A8). `subset` is vta, tta or aa; aa rows train as part of tta."""

    TABLE: ClassVar[str] = "manifest"
    item_id: str
    parent_id: str  # the clips row (vta, tta) or the augmented row (aa)
    clip_id: str
    group_id: str
    subset: str
    split: str
    caption: str
    paraphrases: tuple[str, ...]
    caption_source: str  # original, llm, llm_retry, rule
    audio_path: str
    audio_sha256: str
    sample_rate_hz: int
    duration_s: float
    video_path: str | None
    event_times_s: tuple[float, ...] | None
    attributes_json: str
    dimension: str | None
    level: str | None
    recipe_json: str
    licence: str
    seed: int
    lineage_json: str  # ids and hashes from the source file to this row


@dataclass(frozen=True, kw_only=True)
class FeatureRow(Row):
    """Where one manifest row's features stand in the binary files (SPEC T3). Rows are record numbers."""

    TABLE: ClassVar[str] = "features"
    item_id: str
    subset: str
    split: str
    latent_row: int
    video_row: int | None  # the record in clip.bin and sync.bin
    text_rows: tuple[int, ...]  # the caption's record first, then its paraphrases'
    duration_s: float
    truth_peak: float


@dataclass(frozen=True, kw_only=True)
class Quarantine(Row):
    """One item that could not be processed. Never silent, never fatal."""

    TABLE: ClassVar[str] = "quarantine"
    stage: str
    item_id: str
    reason: str
    message: str
