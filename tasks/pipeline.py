"""The pipeline as a list: which steps there are, in which order, and how far a workspace has come. No Prefect here.

A step is either a *stage* (items in shards, `tasks.engine`) or a *job* (one piece of work with its own finish mark).
Modules of the steps are imported when a step is looked at, so that listing the steps costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from data_contracts import ContractError, UsageError, WeightsError
from tasks.config import PipelineConfig
from tasks.engine import Mapper, Stage, StageSummary, is_stage_finished, run_stage, stage_state
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import hold
from tasks.jobs import Job, evaluate_job, report_job, train_job

OnProgress = Callable[[int, int, str], None]
"""Called with (units done, units in all, a word about it)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step. `alone`: its shards run one at a time and are large, because they are parallel inside.

    `after` is called once the step's table stands.
    """

    name: str
    title: str
    make: Callable[[PipelineConfig], Stage | Job]
    pool: Literal["cpu", "gpu"] = "cpu"
    alone: bool = False
    after: Callable[[Workspace], object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """How far a step is. `pending` is what a rerun would process; None where that is not known yet."""

    name: str
    done: int = 0
    quarantined: int = 0
    pending: int | None = None
    note: str = ""

    @property
    def finished(self) -> bool:
        """Whether a rerun would find nothing to do."""
        return self.pending == 0 and not self.note


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What running a step came to."""

    name: str
    line: str
    done: int = 0
    new: int = 0
    rows: int = 0
    quarantined: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


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


def _card(workspace: Workspace) -> None:
    from tasks.manifest.card import write_dataset_card

    write_dataset_card(workspace)


def _precompute(config: PipelineConfig) -> Stage:
    from tasks.precompute.stage import PrecomputeStage

    return PrecomputeStage(config.precompute)


def _generate(config: PipelineConfig) -> Stage:
    from tasks.evaluate.generate_stage import GenerateStage

    return GenerateStage(config.evaluate)


def _score(config: PipelineConfig) -> Stage:
    from tasks.evaluate.score_stage import ScoreStage

    return ScoreStage(config.evaluate)


STEPS: Final = (
    Step(name="ingest", title="Cut, check and hash clips of at most 8 s (SPEC D1-D3)", make=_ingest),
    Step(name="mine", title="Find captions that name a side of speed, distance, volume (SPEC A1)", make=_mine),
    Step(name="augment", title="Change sounds with FFmpeg, SoX, pyroomacoustics (SPEC A2-A5)", make=_augment),
    Step(name="recaption", title="Write new captions with a language model (SPEC A6)", make=_recaption, alone=True),
    Step(name="paraphrase", title="Paraphrase the new captions (SPEC A7)", make=_paraphrase, alone=True),
    Step(name="manifest", title="Join everything into training rows (SPEC D4, A8)", make=_manifest, after=_card),
    Step(name="precompute", title="Encode sound, pictures and text once (SPEC T3)", make=_precompute),
    Step(name="train", title="Train the network (SPEC M1-M12, T1-T4)", make=train_job, pool="gpu"),
    Step(name="generate", title="Generate held-out sounds (SPEC G1-G7)", make=_generate, pool="gpu", alone=True),
    Step(name="score", title="Score each generated sound (SPEC E1, E2)", make=_score, alone=True),
    Step(name="evaluate", title="Join the scores into tables (SPEC E3)", make=evaluate_job),
    Step(name="report", title="Write the HTML report", make=report_job),
)


def find_step(name: str) -> Step:
    """Returns a step by name. Raises UsageError naming the known ones."""
    for step in STEPS:
        if step.name == name:
            return step
    raise UsageError(f"unknown stage {name!r}; known are {', '.join(step.name for step in STEPS)}")


def run_step(
    step: Step,
    config: PipelineConfig,
    workspace: Workspace,
    *,
    mapper: Mapper = map,
    on_progress: OnProgress | None = None,
    retry: bool = False,
) -> StepResult:
    """Runs one step from where it stands. Finished work is found and left alone.

    Raises ContractError when an earlier stage has not run, UsageError for settings that cannot be used or when another
    process is running the step in this workspace.
    """
    work = step.make(config)
    if isinstance(work, Job):
        if retry:
            raise UsageError(f"stage {step.name} has no items, so no quarantine; use `foleygenex run {step.name}`")
        with hold(workspace.stage(step.name), step.name):
            if work.is_finished(workspace):
                return StepResult(name=step.name, line=f"{step.name}: already done", done=1)
            return StepResult(name=step.name, line=work.run(workspace, on_progress or _silent), done=1, new=1)
    size = max(config.shard_size, 4096) if step.alone else config.shard_size
    summary = run_stage(work, workspace, shard_size=size, mapper=mapper, retry=retry)
    if step.after:
        step.after(workspace)
    return _result(summary)


def step_state(step: Step, config: PipelineConfig, workspace: Workspace) -> StepState:
    """Returns how far a step is, without changing anything. A step whose input is missing is `waiting`."""
    try:
        work = step.make(config)
        if isinstance(work, Job):
            finished = work.is_finished(workspace)
            return StepState(name=step.name, done=int(finished), pending=int(not finished))
        counts = stage_state(work, workspace)
        unwritten = counts["pending"] == 0 and not is_stage_finished(work, workspace)
        return StepState(name=step.name, note="table to be written" if unwritten else "", **counts)
    except ContractError:
        return StepState(name=step.name, note="waiting for an earlier stage")
    except WeightsError as error:
        return StepState(name=step.name, note=f"cannot run: {error}")


def pipeline_states(config: PipelineConfig, workspace: Workspace) -> list[StepState]:
    """Returns every step's state. After the first unfinished one, the counts are as of the earlier stages' last run."""
    return [step_state(step, config, workspace) for step in STEPS]


def is_finished(config: PipelineConfig, workspace: Workspace) -> bool:
    """Whether a run of the whole pipeline would find nothing to do. Stops at the first step that is not finished."""
    return all(step_state(step, config, workspace).finished for step in STEPS)


def _result(summary: StageSummary) -> StepResult:
    values: dict[str, Any] = {n: getattr(summary, n) for n in ("done", "new", "rows", "quarantined", "reasons")}
    return StepResult(name=summary.stage, line=summary.line(), **values)


def _silent(done: int, total: int, word: str) -> None:
    """Progress that nobody watches."""
