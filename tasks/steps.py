"""Runs a step of the pipeline from where it stopped, and says how far each step is in a workspace. No Prefect here."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from data_contracts import ContractError, FoleyGenExError, UsageError, WeightsError
from tasks import pipeline, reasons
from tasks.choices import choose, with_choices
from tasks.config import PipelineConfig
from tasks.engine import Mapper, Stage, StageState, StageSummary, run_stage, stage_state
from tasks.engine.inputs import all_whole, remember_inputs, up_to_date
from tasks.engine.marker import marker_path, whole_marker
from tasks.engine.progress import OnProgress, silent
from tasks.engine.workspace import Workspace
from tasks.inputs import known_inputs
from tasks.pipeline import Step

_LARGE_SHARD: Final = 4096  # items
_WAITING: Final = "waiting for an earlier stage"


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
    UsageError for settings that cannot be used or when another process is running the stage in this workspace,
    QualityError past a quality limit. Stores what the settings leave open, at the workspace's first run.
    """
    if not retry and not verify_files and (summary := _up_to_date(step, config, workspace)):
        return summary
    config = choose(step.name, config, workspace)
    stage = step.make(config).with_progress(on_progress)
    if retry:
        require_quarantine(stage)
    is_large = stage.large_shards and not has_gpu_workers(stage, config)
    size = max(config.shard_size, _LARGE_SHARD) if is_large else config.shard_size
    shards = map if stage.single else mapper
    summary = run_stage(stage, workspace, shard_size=size, mapper=shards, retry=retry, verify_files=verify_files)
    remember_inputs(workspace, step.name, _earlier(step), _known(step, config, workspace))
    if step in pipeline.STEPS:
        reasons.remember(step, config, workspace, stage.version)
    return summary


def has_gpu_workers(stage: Stage, config: PipelineConfig) -> bool:
    """Whether a stage's shards run in several processes with a GPU each: on this machine, or on a Dask cluster."""
    return stage.uses_gpu and (config.gpus > 1 or config.runner == "dask")


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
        state = stage_state(step.make(with_choices(config, workspace)), workspace)
    except ContractError:
        return _as_last_run(step, workspace, _WAITING)
    except (WeightsError, UsageError) as error:
        return _as_last_run(step, workspace, f"cannot run: {error}")
    return state


def is_known_finished(step: Step, config: PipelineConfig, workspace: Workspace) -> bool:
    """Whether markers alone say that a stage is finished; False where its items would have to be listed."""
    return _up_to_date(step, config, workspace) is not None


def _as_last_run(step: Step, workspace: Workspace, note: str) -> StageState:
    """Returns the state of a stage whose items cannot be listed: its last run's counts while its files are whole."""
    marker = whole_marker(workspace, step.name)
    counts = {name: marker["summary"][name] for name in ("done", "quarantined")} if marker else {}
    return StageState(name=step.name, note=note, **counts)


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
    return known_inputs(step.group, step.outside, with_choices(config, workspace), workspace)


def _earlier(step: Step) -> list[str]:
    return [one.name for one in pipeline.steps_before(step.name)] if step in pipeline.STEPS else []


def pipeline_states(config: PipelineConfig, workspace: Workspace) -> list[StageState]:
    """Returns every stage's state. After the first unfinished one, the counts are as of the earlier stages' last run.

    Raises what keeps a stage from being looked at while the earlier ones are finished. After an unfinished one that is
    its missing or damaged output, so the stage waits.
    """
    states: list[StageState] = []
    for step in pipeline.STEPS:
        if states and (state := _of_one_never_begun(step, states[-1], workspace)):
            states.append(state)
            continue
        try:
            states.append(step_state(step, config, workspace))
        except Exception:  # damaged files raise anything, depending on what reads them
            if all(state.finished for state in states):
                raise
            states.append(_as_last_run(step, workspace, _WAITING))
    return states


def _of_one_never_begun(step: Step, before: StageState, workspace: Workspace) -> StageState | None:
    """Returns the state of a stage that never began after one that never ended, without importing its module.

    It waits; one piece of work of all settings, the report, reads what is there and can run. None for other stages.
    """
    if before.finished or workspace.path(step.name).exists() or marker_path(workspace, before.name).exists():
        return None
    if step.group is None:
        return StageState(name=step.name, pending=1) if step.single else None
    return StageState(name=step.name, note=_WAITING)


def first_stale_before(step: Step, config: PipelineConfig, workspace: Workspace) -> str:
    """Returns the name of the first earlier step that a run of the pipeline would run again, empty when there is none.

    A stage that cannot be looked at from here (a corpus on another machine) is not counted.
    """
    for earlier in pipeline.steps_before(step.name):
        with suppress(FoleyGenExError):
            if not step_state(earlier, config, workspace).finished:
                return earlier.name
    return ""


def is_finished(config: PipelineConfig, workspace: Workspace, steps: Sequence[Step] = ()) -> bool:
    """Whether a run of the steps, by default all, would find nothing to do. Stops at the first that is not finished."""
    return all(step_state(step, config, workspace).finished for step in steps or pipeline.STEPS)
