"""The tables that follow the data set: training, generated audio, scores, and the comparisons of trainings.

Legend as in `tables.py`. A case is one planned generation; its id is the same for all checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from data_contracts.contract import Row


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
    VERSION: ClassVar[int] = 4
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
    repeats: str | None = None  # the case that differs in the noise alone; None: it is of the first seed
    seed_number: int = 0  # place of its seed among `evaluate.seeds`


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
    settings_json: str  # the options, the files by content, the sampling, every codec and encoder


@dataclass(frozen=True, kw_only=True)
class Judgement(Row):
    """What one judge said of one sound, video or prompt (SPEC E1): a file of tensors, by the judge's output names."""

    TABLE: ClassVar[str] = "judgements"
    item_id: str
    input: str  # what was judged, as the plan names it
    source: str  # generated, row, codec, pasted, noise, clicks, silence, video or text
    content_sha256: str  # of the file, or of what the sound was made from
    from_s: float
    to_s: float
    judge: str
    weights_sha256: str
    rate_hz: int | None  # at which the judge hears
    outputs_path: str
    outputs_sha256: str


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

    Of levels it is the median. `is_baseline` marks the rows to compare the model with. A metric that was not computed
    has no value, and `why_empty` says why. Of several generation seeds the value is the mean of the seeds' values over
    the clips that all of them have; the interval is that of other clips, `seed_sd` how much the seeds differ.
    """

    TABLE: ClassVar[str] = "scores"
    VERSION: ClassVar[int] = 6
    item_id: str
    task: str  # case group (`generation.CASE_GROUPS`); of folders, `all` or a category
    system: str
    checkpoint: str | None  # which weights the model had; None for baselines
    metric: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n: int
    n_groups: int
    is_baseline: bool
    backend: str  # what computed it and on which weights
    higher_is_better: bool | None  # None: best at the truth's value
    weights_sha256: str | None = None  # of the judge; None where no weights are behind it
    rate_hz: int | None = None  # at which the judge hears
    seconds: float | None = None  # of audio that were scored, over all clips; of pairs of clips, of one of the two
    n_reference: int | None = None  # clips that a set of `n` clips is compared with
    why_empty: str | None = None
    n_seeds: int = 1  # generation seeds
    seed_sd: float | None = None  # standard deviation of the value over them (n - 1)


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
