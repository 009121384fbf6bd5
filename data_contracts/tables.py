"""The tables of the pipeline, in the order the data flows. DESIGN: one schema per stage boundary.

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
    """One clip of at most 8 s (SPEC D1-D3). `subset` is vta (has video) or tta."""

    TABLE: ClassVar[str] = "clips"
    VERSION: ClassVar[int] = 2
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
    source: str  # llm, llm_retry, enum, rule, original
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
    caption_source: str  # original, llm, llm_retry, enum, rule
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
class TrainMetric(Row):
    """One logged interval of training: means over its steps, of the whole batch on all devices."""

    TABLE: ClassVar[str] = "train_metrics"
    VERSION: ClassVar[int] = 3
    KEY: ClassVar[str] = "step"
    step: int
    loss: float
    val_loss: float | None
    grad_norm: float  # before clipping
    lr: float
    steps_per_s: float
    samples_per_s: float
    data_wait_share: float
    mfu: float | None  # model FLOPs over the devices' peak; None where the peak is unknown
    peak_memory_gib: float  # of one GPU in the interval; on CPU of the process so far
    loss_by_t: tuple[float, ...]
    skipped: int = 0  # steps that changed no weights: their loss or gradient was not finite


@dataclass(frozen=True, kw_only=True)
class Generated(Row):
    """One generated sound and the conditions it was made from (SPEC G1-G6)."""

    TABLE: ClassVar[str] = "generated"
    VERSION: ClassVar[int] = 3
    item_id: str
    case_id: str  # the planned case, the same for all checkpoints
    case_group: str  # one of data_contracts.generation.CASE_GROUPS
    checkpoint: str  # `trained`: the run's own; `builtin`; others by their file's name
    parent_id: str  # the manifest row that gave video and text
    task: str  # one of data_contracts.generation.TASKS
    prompt: str
    reference_id: str | None
    audio_path: str
    audio_sha256: str
    sample_rate_hz: int
    duration_s: float
    scored_from_s: float  # the scored part
    scored_to_s: float
    cfg_scale: float
    steps: int
    seed: int
    checkpoint_sha256: str
    weights_json: str  # every encoder and codec used, with sha256 and whether it is a placeholder


@dataclass(frozen=True, kw_only=True)
class GeneratedFile(Row):
    """One sound that a person ordered: `foleygenex generate jobs` (SPEC G1-G7). Paths count from the table's folder."""

    TABLE: ClassVar[str] = "generated_files"
    VERSION: ClassVar[int] = 2
    item_id: str  # the order's row
    task: str
    asked_name: str  # as the order had it; `path` is the safe form
    path: str
    sha256: str
    key: str  # of all that decides the sound: a file with an equal key is not made again
    text: str | None
    duration_s: float
    windows: int  # 1, or as many as a long sound took
    sample_rate_hz: int
    seed: int
    steps: int
    cfg_scale: float
    checkpoint_sha256: str
    placeholders: tuple[str, ...]
    settings_json: str  # the order, its files by content, the sampling, every codec and encoder


@dataclass(frozen=True, kw_only=True)
class ClipScore(Row):
    """One metric of one evaluation case. `system` is the model or a baseline's name."""

    TABLE: ClassVar[str] = "clip_scores"
    VERSION: ClassVar[int] = 2
    item_id: str
    parent_id: str  # the case
    task: str  # its case group (`generation.CASE_GROUPS`)
    system: str
    checkpoint: str | None  # which weights the model had; None for baselines
    metric: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Score(Row):
    """One cell of a score table: a mean over `n` clips of `n_groups` objects or recordings, with a 95 % interval.

    Of levels it is the median. `is_baseline` marks the rows to compare the model with.
    """

    TABLE: ClassVar[str] = "scores"
    VERSION: ClassVar[int] = 4
    item_id: str
    task: str  # case group (`generation.CASE_GROUPS`)
    system: str
    checkpoint: str | None  # which weights the model had; None for baselines
    metric: str
    value: float
    ci_low: float | None
    ci_high: float | None
    n: int
    n_groups: int
    is_baseline: bool
    backend: str  # what computed it and on which weights
    higher_is_better: bool | None  # None: best at the truth's value


@dataclass(frozen=True, kw_only=True)
class AblationScore(Row):
    """One cell of the ablation table (SPEC M12). `delta`: the paired difference to variant `full`, if there is one."""

    TABLE: ClassVar[str] = "ablations"
    item_id: str
    variant: str
    task: str
    metric: str
    value: float
    ci_low: float | None
    ci_high: float | None
    n: int
    delta: float | None
    delta_low: float | None
    delta_high: float | None
    steps: int  # of the training whose weights it uses
    backend: str
    higher_is_better: bool


@dataclass(frozen=True, kw_only=True)
class ClaimResult(Row):
    """One metric of one claim of the paper: configuration `better` minus `worse`, on the same clips and seeds.

    Values are means over seeds and objects. `low` and `high` have the `confidence` that Holm's method gives the claim;
    they are None with fewer than two seeds or objects. One metric per claim `decides`; only that one has a verdict.
    """

    TABLE: ClassVar[str] = "claims"
    item_id: str
    claim: str
    statement: str
    source: str  # where the paper says it
    task: str
    metric: str
    decides: bool
    better: str
    worse: str
    better_value: float
    worse_value: float
    delta: float
    low: float | None
    high: float | None
    confidence: float
    p_value: float | None
    p_holm: float | None  # of a metric that decides: adjusted for all claims
    verdict: str  # shown, not shown, contradicted; empty for a metric that does not decide
    n_clips: int
    n_groups: int
    seeds: tuple[int, ...]
    steps: int  # of the trainings
    backend: str


@dataclass(frozen=True, kw_only=True)
class Quarantine(Row):
    """One item that could not be processed. Never silent, never fatal."""

    TABLE: ClassVar[str] = "quarantine"
    stage: str
    item_id: str
    reason: str
    message: str
