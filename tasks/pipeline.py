"""The pipeline as a list: which stages there are, in which order, and how far a workspace has come. No Prefect here.

Modules of the stages are imported when a stage is looked at, so that listing the stages costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

from data_contracts import ContractError, FoleyGenExError, UsageError, WeightsError
from tasks import inputs
from tasks.config import PipelineConfig
from tasks.engine import Mapper, Stage, StageState, StageSummary, run_stage, stage_state
from tasks.engine.inputs import all_whole, remember_inputs, up_to_date
from tasks.engine.marker import marker_path
from tasks.engine.progress import OnProgress, silent
from tasks.engine.workspace import Workspace
from tasks.inputs import Outside

_LARGE_SHARD: Final = 4096  # items
_WAITING: Final = "waiting for an earlier stage"


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


def _score(config: PipelineConfig) -> Stage:
    from tasks.evaluate.score_stage import ScoreStage

    return ScoreStage(config.evaluate)


def _evaluate(config: PipelineConfig) -> Stage:  # noqa: ARG001 (its settings act through the clips' scores)
    from tasks.evaluate.stage import EvaluateStage

    return EvaluateStage()


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
        name="score",
        description="Scores each generated clip, the baselines and the codec upper bound (SPEC E1, E2).",
        make=_score,
        outside=inputs.checkpoints,
        group="evaluate",
        example="evaluate.clips=48",
        tags=("scores",),
    ),
    Step(
        name="evaluate",
        description="Joins the clips' scores into one table with intervals (SPEC E3).",
        make=_evaluate,
        outside=inputs.nothing,
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


def steps_before(name: str) -> tuple[Step, ...]:
    """Returns the entries of the stages that run before one. Raises UsageError for an unknown name."""
    return STEPS[: STEPS.index(find_step(name))]


def run_step(
    step: Step,
    config: PipelineConfig,
    workspace: Workspace,
    *,
    mapper: Mapper = map,
    on_progress: OnProgress = silent,
    retry: bool = False,
    verify_files: bool = False,
) -> StageSummary:
    """Runs one stage from where it is. Finished work is found and left alone.

    `retry` and `verify_files` are those of `run_stage`. Raises ContractError when an earlier stage has not run,
    UsageError for settings that cannot be used or when another process is running the stage in this workspace.
    """
    if not retry and not verify_files and (summary := _up_to_date(step, config, workspace)):
        return summary
    stage = step.make(config).with_progress(on_progress)
    if retry:
        require_quarantine(stage)
    size = max(config.shard_size, _LARGE_SHARD) if stage.large_shards else config.shard_size
    shards = map if stage.single else mapper
    summary = run_stage(stage, workspace, shard_size=size, mapper=shards, retry=retry, verify_files=verify_files)
    remember_inputs(workspace, step.name, _earlier(step), _known(step, config, workspace))
    return summary


def require_quarantine(stage: Stage) -> None:
    """Raises UsageError for a stage that is one piece of work."""
    if stage.single:
        raise UsageError(
            f"stage {stage.name} has no items, so no quarantine; `foleygenex run {stage.name} CONFIG` runs it again"
        )


def step_state(step: Step, config: PipelineConfig, workspace: Workspace) -> StageState:
    """Returns how far a stage is, without changing anything. A stage whose input is missing or damaged is `waiting`.

    Items are listed, and a stage's module is imported, only where markers do not tell.
    """
    if summary := _up_to_date(step, config, workspace):
        return StageState(name=step.name, done=summary.done, quarantined=summary.quarantined, pending=0)
    if step.single and _has_not_run(step, config, workspace):
        return StageState(name=step.name, pending=1)
    try:
        return stage_state(step.make(config), workspace)
    except ContractError:
        return StageState(name=step.name, note=_WAITING)
    except (WeightsError, UsageError) as error:
        return StageState(name=step.name, note=f"cannot run: {error}")


def is_known_finished(step: Step, config: PipelineConfig, workspace: Workspace) -> bool:
    """Whether markers alone say that a stage is finished; False where its items would have to be listed."""
    return _up_to_date(step, config, workspace) is not None


def _up_to_date(step: Step, config: PipelineConfig, workspace: Workspace) -> StageSummary | None:
    """Returns the summary of a finished stage, from markers alone; None when they do not tell."""
    try:
        return up_to_date(workspace, step.name, _earlier(step), _known(step, config, workspace))
    except FoleyGenExError:  # of settings that cannot be used here: looking at the stage's items says so
        return None


def _has_not_run(step: Step, config: PipelineConfig, workspace: Workspace) -> bool:
    """Whether a stage has no marker though all that it reads is there."""
    without = not marker_path(workspace, step.name).exists() and _known(step, config, workspace) is not None
    return bool(without and (earlier := _earlier(step)) and all_whole(workspace, earlier))


def _known(step: Step, config: PipelineConfig, workspace: Workspace) -> Any:
    return inputs.known_inputs(step.group, step.outside, config, workspace)


def _earlier(step: Step) -> list[str]:
    return [one.name for one in steps_before(step.name)] if step in STEPS else []


def pipeline_states(config: PipelineConfig, workspace: Workspace) -> list[StageState]:
    """Returns every stage's state. After the first unfinished one, the counts are as of the earlier stages' last run.

    Raises what keeps a stage from being looked at while the earlier ones are finished. After an unfinished one that is
    its missing or damaged output, so the stage waits.
    """
    states: list[StageState] = []
    for step in STEPS:
        try:
            states.append(step_state(step, config, workspace))
        except Exception:  # damaged files raise anything, depending on what reads them
            if all(state.finished for state in states):
                raise
            states.append(StageState(name=step.name, note=_WAITING))
    return states


def first_stale_before(step: Step, config: PipelineConfig, workspace: Workspace) -> str:
    """Returns the name of the first earlier step that a run of the pipeline would run again, empty when there is none.

    A stage that cannot be looked at from here (a corpus on another machine) is not counted.
    """
    for earlier in steps_before(step.name):
        with suppress(FoleyGenExError):
            if not step_state(earlier, config, workspace).finished:
                return earlier.name
    return ""


def is_finished(config: PipelineConfig, workspace: Workspace) -> bool:
    """Whether a run of the whole pipeline would find nothing to do. Stops at the first stage that is not finished."""
    return all(step_state(step, config, workspace).finished for step in STEPS)
