"""Runs one stage without Prefect: the same engine, lock, lines and bar, with a pool of threads or processes."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed

from flows.progress import bar, watch
from flows.terminal_log import LINES
from flows.termination import interrupts_blocked
from flows.waiting import acquired
from flows.workers import shard_work, worker_count, worker_kind
from tasks.config import PipelineConfig, store
from tasks.engine import Mapper, Shard, Stage, StageSummary
from tasks.engine.progress import OnProgress
from tasks.engine.workspace import Workspace
from tasks.pipeline import Step
from tasks.steps import first_stale_before, run_step

log = logging.getLogger(LINES)


def run_directly(
    step: Step,
    config: PipelineConfig,
    workspace: Workspace,
    *,
    retry: bool = False,
    verify_files: bool = False,
    wait_minutes: float = 0,
) -> StageSummary:
    """Runs a stage, shows its line and returns its counts.

    Raises InUseError when another run still uses the workspace after `wait_minutes`.
    """
    what = f"{step.name} of {workspace.root.name}"
    with acquired(workspace.root, what, log.info, wait_s=60 * wait_minutes):
        store(config, workspace)
        if earlier := first_stale_before(step, config, workspace):
            log.info("%s", stale_line(step, earlier))
        with bar(step.name, step.unit) as on_progress:
            mapper = pool_mapper(step, config, workspace, on_progress)
            summary = run_step(
                step,
                config,
                workspace,
                mapper=mapper,
                on_progress=on_progress,
                retry=retry,
                verify_files=verify_files,
            )
    log.info("%s", summary.line())
    return summary


def stale_line(step: Step, earlier: str) -> str:
    """Returns what is said before a stage runs on what an earlier one wrote with other settings or inputs."""
    return f"{earlier} is not up to date, {step.name} reads what it wrote last; `run all` runs all in their order"


def pool_mapper(step: Step, config: PipelineConfig, workspace: Workspace, on_progress: OnProgress) -> Mapper:
    """Returns the engine's mapper that runs shards in threads or processes."""

    def mapper(function: Callable[[Shard], int], shards: Sequence[Shard]) -> Iterator[int]:
        if not shards:
            return
        stage = step.make(config)
        total = sum(shard.size for shard in shards)
        workers = _pool(stage, config, len(shards))
        with watch(workspace.path(stage.name, "journal"), total, on_progress), workers as pool:
            with interrupts_blocked():  # of worker processes, which start at the first submission
                futures = [pool.submit(shard_work(stage, config, function, shard)) for shard in shards]
            for future in as_completed(futures):
                yield future.result()

    return mapper


def _pool(stage: Stage, config: PipelineConfig, shards: int) -> Executor:
    workers = worker_count(stage, config, shards)
    if worker_kind(stage, config) == "processes":
        return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    return ThreadPoolExecutor(workers)
