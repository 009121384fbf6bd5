"""The pipeline as a list: which stages there are, and in which order. `tasks/steps.py` runs them. No Prefect here.

Modules of the stages are imported when a stage is looked at, so that listing the stages costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from data_contracts import UsageError
from tasks import inputs
from tasks.config import PipelineConfig
from tasks.engine import Stage
from tasks.inputs import Outside


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A stage's entry in the list of the pipeline: what must be known of a stage before its module is imported.

    `group` names its settings in PipelineConfig, `example` is one of them as for `--set`; `unit` is what its progress
    counts. `outside` returns what it reads outside of the workspace (`tasks/inputs.py`). `pool` and `tags` are those of
    its Prefect deployment.
    """

    name: str
    description: str
    make: Callable[[PipelineConfig], Stage]
    group: str | None
    example: str = ""
    unit: str = "items"
    single: bool = False
    outside: Outside | None = None
    pool: Literal["cpu", "gpu"] = "cpu"
    tags: tuple[str, ...]


def _ingest(config: PipelineConfig) -> Stage:
    from tasks.ingest.stage import IngestStage

    return IngestStage(config.ingest, config.dataset_version)


def _mine(config: PipelineConfig) -> Stage:
    from tasks.mine.stage import MineStage

    return MineStage(config.mine)


def _augment(config: PipelineConfig) -> Stage:
    from tasks.augment.stage import AugmentStage

    return AugmentStage(config.augment, config.dataset_version)


def _recaption(config: PipelineConfig) -> Stage:
    from tasks.recaption.stage import RecaptionStage

    return RecaptionStage(config.llm)


def _paraphrase(config: PipelineConfig) -> Stage:
    from tasks.paraphrase.stage import ParaphraseStage

    return ParaphraseStage(config.llm)


def _manifest(config: PipelineConfig) -> Stage:
    from tasks.manifest.stage import ManifestStage

    return ManifestStage(config.manifest, config.dataset_version)


def _precompute(config: PipelineConfig) -> Stage:
    from tasks.precompute.stage import PrecomputeStage

    return PrecomputeStage(config.precompute)


def _train(config: PipelineConfig) -> Stage:
    from tasks.train.stage import TrainStage

    return TrainStage(config=config.train)


def _generate(config: PipelineConfig) -> Stage:
    from tasks.evaluate.generate_stage import GenerateStage

    return GenerateStage(config.evaluate)


def _judge(config: PipelineConfig) -> Stage:
    from tasks.evaluate.judge_stage import JudgeStage

    return JudgeStage(config.evaluate)


def _score(config: PipelineConfig) -> Stage:
    from tasks.evaluate.score_stage import ScoreStage

    return ScoreStage(config.evaluate)


def _evaluate(config: PipelineConfig) -> Stage:
    from tasks.evaluate.stage import EvaluateStage

    return EvaluateStage(config=config.evaluate)


def _report(config: PipelineConfig) -> Stage:
    from tasks.report.stage import ReportStage

    return ReportStage(all_settings=config.model_dump(mode="json"))


STEPS: Final = (
    Step(
        name="ingest",
        description="Cuts, checks and hashes clips of at most 8 s from the built-in corpus or your own (SPEC D1-D3).",
        make=_ingest,
        outside=inputs.corpora,
        group="ingest",
        example="ingest.min_s=1",
        tags=("data",),
    ),
    Step(
        name="mine",
        description="Finds training captions that name a side of speed, distance or volume (SPEC A1).",
        make=_mine,
        outside=inputs.caption_parser,
        group="mine",
        example="mine.parser=rules",
        tags=("data",),
    ),
    Step(
        name="augment",
        description="Changes the mined audio with FFmpeg, SoX and pyroomacoustics; measures the effect (SPEC A2-A5).",
        make=_augment,
        outside=inputs.nothing,
        group="augment",
        example="augment.backend=tool",
        tags=("data",),
    ),
    Step(
        name="recaption",
        description="Writes a new caption for each augmented clip with a language model, or with rules (SPEC A6).",
        make=_recaption,
        outside=inputs.caption_writer,
        group="llm",
        example="llm.backend=rules",
        tags=("data", "llm"),
    ),
    Step(
        name="paraphrase",
        description="Extracts key tokens and writes paraphrases of each augmented caption (SPEC A7).",
        make=_paraphrase,
        outside=inputs.caption_writer,
        group="llm",
        example="llm.backend=rules",
        tags=("data", "llm"),
    ),
    Step(
        name="manifest",
        description="Joins clips, augmented audio and captions into training and test rows (SPEC D4, A8).",
        make=_manifest,
        outside=inputs.nothing,
        group="manifest",
        example="manifest.include_augmented=false",
        tags=("data",),
    ),
    Step(
        name="precompute",
        description="Encodes each distinct audio, video and caption once, into memory-mapped files (SPEC T3).",
        make=_precompute,
        outside=inputs.encoder_weights,
        group="precompute",
        example="precompute.device=cpu",
        tags=("data",),
    ),
    Step(
        name="train",
        description="Trains the network on the features; an interrupted run continues (SPEC M1-M12, T1-T4).",
        make=_train,
        outside=inputs.initial_weights,
        group="train",
        example="train.steps=1000",
        unit="steps",
        single=True,
        pool="gpu",
        tags=("model",),
    ),
    Step(
        name="generate",
        description="Generates audio for held-out clips in each task (SPEC G1-G7).",
        make=_generate,
        outside=inputs.checkpoints,
        group="evaluate",
        example="evaluate.steps=25",
        pool="gpu",
        tags=("model",),
    ),
    Step(
        name="judge",
        description="Asks frozen networks about each generated sound, the true ones and the baselines (SPEC E1).",
        make=_judge,
        outside=inputs.judges,
        group="evaluate",
        example="evaluate.judges=[corpus-cnn,resemblyzer]",
        pool="gpu",
        tags=("scores",),
    ),
    Step(
        name="score",
        description="Scores each generated clip, the baselines and the codec upper bound (SPEC E1, E2).",
        make=_score,
        outside=inputs.judges,
        group="evaluate",
        example="evaluate.clips=48",
        pool="gpu",
        tags=("scores",),
    ),
    Step(
        name="evaluate",
        description="Joins the clips' scores into one table with intervals (SPEC E3).",
        make=_evaluate,
        outside=inputs.judges,
        group="evaluate",
        example="evaluate.clips=48",
        single=True,
        tags=("scores",),
    ),
    Step(
        name="report",
        description="Writes the HTML report from every table there is; the run's artifacts link to it.",
        make=_report,
        outside=inputs.tables,
        group=None,
        single=True,
        tags=("scores",),
    ),
)


def find_step(name: str, *, besides: Sequence[str] = ()) -> Step:
    """A stage's entry. Raises UsageError naming the known ones, and `besides`: what the caller takes besides."""
    for step in STEPS:
        if step.name == name:
            return step
    raise UsageError(f"unknown stage {name!r}; known are {', '.join([*(step.name for step in STEPS), *besides])}")


def chosen_steps(until: str = "", only: Sequence[str] = ()) -> tuple[Step, ...]:
    """Returns the entries of the stages up to `until`, and of these those of `only`; without names, of all.

    Raises UsageError for an unknown name, or when a stage of `only` comes after `until`.
    """
    steps = (*steps_before(until), find_step(until)) if until else STEPS
    for name in only:
        if find_step(name) not in steps:
            raise UsageError(f"stage {name} comes after {until}: it cannot be among `only` with `until` {until}")
    return tuple(step for step in steps if not only or step.name in only)


def steps_before(name: str) -> tuple[Step, ...]:
    """Returns the entries of the stages that run before one. Raises UsageError for an unknown name."""
    return STEPS[: STEPS.index(find_step(name))]
