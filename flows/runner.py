"""Runs one stage inside a Prefect flow: its shards as task runs, its progress and results as artifacts.

The journal in the workspace says what is finished, so Prefect caches nothing (NO_CACHE). A task run is one shard of
many items: a task run per item would cost the server more than the work itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from prefect import runtime, tags, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from data_contracts import QualityError, UsageError
from flows.artifacts import publish, publish_excess, run_progress
from flows.direct import stale_line
from flows.progress import watch
from flows.quality_event import emit_quality_event
from flows.runs import announce, running_in
from flows.termination import interrupts_blocked
from flows.tools import require_programs
from flows.workers import shard_work, worker_count, worker_kind
from tasks.config import PipelineConfig, load_stored
from tasks.engine import Mapper, Shard, Stage
from tasks.engine.progress import OnProgress
from tasks.engine.workspace import Workspace
from tasks.pipeline import Step
from tasks.steps import first_stale_before, run_step


@task(name="shard", cache_policy=NO_CACHE, persist_result=False, task_run_name="{label}")
def run_shard_task(label: str, work: Callable[[], int]) -> int:  # noqa: ARG001 (names the task run)
    """Processes one shard. `work` is a partial: neither Prefect nor Dask looks into it for futures, as into tuples."""
    return work()


def run_stage_flow(
    step: Step,
    workspace_folder: str,
    *,
    settings: dict[str, Any],
    changes: Sequence[str] = (),
    retry: bool = False,
    verify_files: bool = False,
    wait_minutes: float = 0,
) -> dict[str, Any]:
    """Runs a stage with the workspace's stored config, the given settings in it. Returns the counts, JSON-able.

    Raises InUseError when another run still uses the workspace after `wait_minutes`.
    """
    workspace = Workspace(Path(workspace_folder).resolve())
    _enable_stage_logs()
    what = runtime.flow_run.name or step.name

    def runnable() -> PipelineConfig:
        return _runnable(step, load_stored(workspace, settings, changes))

    with running_in(workspace, what, runnable, wait_minutes=wait_minutes) as config:
        if runtime.flow_run.parent_flow_run_id is None and (earlier := first_stale_before(step, config, workspace)):
            announce(stale_line(step, earlier))
        with tags(step.name), run_progress(step.name, step.unit, workspace) as on_progress:
            mapper = shard_mapper(step.make(config), config, workspace, on_progress)
            again = {"retry": retry, "verify_files": verify_files}
            try:
                summary = run_step(step, config, workspace, mapper=mapper, on_progress=on_progress, **again)
            except QualityError as error:
                publish_excess(step, error, workspace)
                emit_quality_event(error)
                raise
        announce(summary.line())
        publish(step, summary, config, workspace)
    return {"stage": step.name, "done": summary.done, "new": summary.new, "quarantined": summary.quarantined}


def shard_mapper(stage: Stage, config: PipelineConfig, workspace: Workspace, on_progress: OnProgress) -> Mapper:
    """Returns the engine's mapper that runs each shard as a Prefect task on the configured task runner."""

    def mapper(function: Callable[[Shard], int], shards: Sequence[Shard]) -> Iterator[int]:
        if not shards:
            return
        total = sum(shard.size for shard in shards)
        runner_of = task_runner(stage, config, worker_count(stage, config, len(shards)))
        with watch(workspace.path(stage.name, "journal"), total, on_progress), runner_of as runner:
            futures = []
            with interrupts_blocked():  # of worker processes, which start at the first submission
                for number, shard in enumerate(shards, 1):
                    label = f"{stage.name} {number} of {len(shards)}, {shard.size} items"
                    work = shard_work(stage, config, function, shard)
                    futures.append(runner.submit(run_shard_task, {"label": label, "work": work}))
            for future in as_completed(futures):
                yield future.result()

    return mapper


def task_runner(stage: Stage, config: PipelineConfig, workers: int) -> TaskRunner[Any]:
    """Returns the Prefect task runner for a stage's shards. All give the same bytes on the same kind of device.

    Raises UsageError when `dask` is asked for and is not installed.
    """
    kind = worker_kind(stage, config)
    if kind == "processes":
        return ProcessPoolTaskRunner(max_workers=workers)
    if kind == "dask":
        return _dask_runner(config.dask_address, workers)
    return ThreadPoolTaskRunner(max_workers=workers)


def _dask_runner(address: str, workers: int) -> TaskRunner[Any]:
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        raise UsageError("runner dask: prefect-dask is not installed; pip install 'foleygenex[dask]'") from error
    own = {"n_workers": workers, "threads_per_worker": 1}
    runner: TaskRunner[Any] = DaskTaskRunner(address=address) if address else DaskTaskRunner(cluster_kwargs=own)
    return runner


def _runnable(step: Step, config: PipelineConfig) -> PipelineConfig:
    """Returns the config unless a program that the stage needs under it is missing: then UsageError."""
    require_programs(step.make(config))
    return config


def _enable_stage_logs() -> None:
    """Prefect sends the loggers of PREFECT_LOGGING_EXTRA_LOGGERS to the UI, but leaves them at the root's WARNING."""
    for package in ("tasks", "model"):
        if logging.getLogger(package).level == logging.NOTSET:
            logging.getLogger(package).setLevel(logging.INFO)
