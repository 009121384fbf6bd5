"""Runs one step inside a Prefect flow: its shards as task runs, its progress and outcome as artifacts.

The journal in the workspace is the truth about what is finished, so Prefect caches nothing (NO_CACHE) and a task run
is one shard of many items: a task run per item would cost the server more than the work itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from prefect import task
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.futures import as_completed
from prefect.logging import get_run_logger
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner
from prefect.utilities.annotations import quote

from data_contracts import Quarantine, UsageError, read_table
from flows.progress import Advance, bar, watch
from tasks.config import PipelineConfig, load_stored, store
from tasks.engine import Mapper, Shard
from tasks.pipeline import Step, StepResult, find_step, run_step
from tasks.workspace import Workspace

LINES: Final = "foleygenex"  # the logger of the lines that a terminal shows; silent unless the command line listens
_SHOWN: Final = 50  # rows of the quarantine in the artifact; the table has all


@task(name="shard", cache_policy=NO_CACHE, persist_result=False, task_run_name="shard-{number}")
def run_shard_task(number: int, work: Any) -> int:  # noqa: ARG001 (names the task run)
    """Processes one shard. `work` is (function, shard), quoted so that Prefect does not search it for futures."""
    function, shard = work.unquote() if isinstance(work, quote) else work
    return int(function(shard))


def run_stage_flow(
    name: str, workspace_folder: str, *, settings: dict[str, Any] | None = None, retry: bool = False
) -> dict[str, Any]:
    """Runs a step with the workspace's stored config, `settings` merged in. Returns the counts, JSON-able."""
    workspace = Workspace(Path(workspace_folder))
    config = load_stored(workspace, settings)
    store(config, workspace)
    step = find_step(name)
    logger = get_run_logger()
    with ExitStack() as stack:
        advance = stack.enter_context(bar(name, "steps" if name == "train" else "items"))
        report = both(advance, ui_progress(name))
        mapper = shard_mapper(step, config, workspace, report)
        result = run_step(step, config, workspace, mapper=mapper, on_progress=report, retry=retry)
    logger.info(result.line)
    logging.getLogger(LINES).info(result.line)
    publish(step, result, workspace)
    return {"stage": name, "done": result.done, "new": result.new, "quarantined": result.quarantined}


def shard_mapper(step: Step, config: PipelineConfig, workspace: Workspace, report: Advance) -> Mapper:
    """Returns the engine's mapper that runs each shard as a Prefect task on the configured task runner."""

    def mapper(function: Callable[[Shard], int], shards: Sequence[Shard]) -> Iterator[int]:
        if not shards:
            return
        total = sum(len(shard.items) for shard in shards)
        workers = 1 if step.alone else min(config.workers, len(shards))
        with watch(workspace.path(step.name, "journal"), total, report), task_runner(config.runner, workers) as runner:
            futures = [
                runner.submit(run_shard_task, {"number": shard.index, "work": quote((function, shard))})
                for shard in shards
            ]
            for future in as_completed(futures):
                yield future.result()

    return mapper


def task_runner(name: str, workers: int) -> TaskRunner[Any]:
    """Returns a Prefect task runner for `threads`, `processes`, `serial` or `dask`. All give the same bytes."""
    if name == "processes":
        return ProcessPoolTaskRunner(max_workers=workers)
    if name == "dask":
        return _dask_runner(workers)
    return ThreadPoolTaskRunner(max_workers=1 if name == "serial" else workers)


def _dask_runner(workers: int) -> TaskRunner[Any]:
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        raise UsageError("runner dask: prefect-dask is not installed; pip install 'foleygenex[dask]'") from error
    runner: TaskRunner[Any] = DaskTaskRunner(cluster_kwargs={"n_workers": workers, "threads_per_worker": 1})
    return runner


def both(*advances: Advance) -> Advance:
    """Returns a progress callback that calls all of them."""

    def advance(done: int, total: int, word: str) -> None:
        for each in advances:
            each(done, total, word)

    return advance


def ui_progress(name: str) -> Advance:
    """Returns a callback that keeps a progress artifact of this run up to date, whole percents only."""
    known: dict[str, Any] = {"artifact": None, "percent": -1}

    def advance(done: int, total: int, word: str) -> None:  # noqa: ARG001
        percent = int(100 * done / total) if total else 100
        if percent == known["percent"] or (percent % 5 and done < total):
            return
        known["percent"] = percent
        if known["artifact"] is None:
            known["artifact"] = create_progress_artifact(float(percent), key=f"{name}-progress", description=name)
        elif isinstance(known["artifact"], UUID):
            update_progress_artifact(known["artifact"], float(percent))

    return advance


def publish(step: Step, result: StepResult, workspace: Workspace) -> None:
    """Writes the stage's artifacts: counts and quarantine as markdown, and the report's link."""
    create_markdown_artifact(
        stage_markdown(step, result, workspace), key=f"{step.name}-summary", description=result.line
    )
    report = workspace.path("report", "report.html")
    if step.name == "report" and report.exists():
        create_link_artifact(report.as_uri(), link_text="the report", key="report-link", description=str(report))


def stage_markdown(step: Step, result: StepResult, workspace: Workspace) -> str:
    """Returns what the UI shows of a finished stage."""
    lines = [f"# {step.name}", "", step.title, "", "| done | now | rows | quarantined |", "|---|---|---|---|"]
    lines += [f"| {result.done} | {result.new} | {result.rows} | {result.quarantined} |"]
    if result.quarantined:
        failures = read_table(workspace.table(step.name, "quarantine"), Quarantine)
        lines += ["", "## Quarantine", "", "| item | reason | message |", "|---|---|---|"]
        lines += [f"| {_cell(f.item_id)} | {_cell(f.reason)} | {_cell(f.message)} |" for f in failures[:_SHOWN]]
        if len(failures) > _SHOWN:
            lines += ["", f"and {len(failures) - _SHOWN} more in `{step.name}/quarantine.parquet`"]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Untrusted text in a table cell: no line breaks, no cell ends, no markup."""
    cleaned = "".join(c if c.isprintable() else " " for c in text[:300])
    for mark in "\\|`<>[]*_":
        cleaned = cleaned.replace(mark, f"\\{mark}")
    return cleaned
