"""The whole pipeline as one flow: every stage in order as a subflow, finished stages left alone.

In the UI the run shows one subflow per stage that had work, and ends with a table of all stages and the report's link.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.logging import get_run_logger

from flows.placement import run_on_pool
from flows.runner import LINES
from flows.stages import STAGE_FLOWS
from tasks.config import PipelineConfig, store
from tasks.pipeline import STEPS, Step, step_state
from tasks.workspace import Workspace


@flow(name="pipeline")
def pipeline(config: PipelineConfig = PipelineConfig()) -> dict[str, Any]:  # noqa: B008 (frozen)
    """Runs ingest to report. Killed at any moment and run again, it continues and ends with the same tables.

    Args:
        config: Settings of all stages; the defaults are the built-in demo.
    """
    workspace = Workspace(Path(config.workspace))
    store(config, workspace)
    results = {}
    for step in STEPS:
        state = step_state(step, config, workspace)
        if state.finished:
            get_run_logger().info("%s: already done", step.name)
            logging.getLogger(LINES).info("%s: already done", step.name)
            results[step.name] = {
                "stage": step.name, "done": state.done, "new": 0, "quarantined": state.quarantined,
            }  # fmt: skip
        else:
            results[step.name] = _run(step, config)
    create_markdown_artifact(_table(results), key="pipeline-summary", description="all stages")
    return results


def _run(step: Step, config: PipelineConfig) -> dict[str, Any]:
    folder = str(Path(config.workspace).resolve())
    if step.pool == "gpu" and (done := run_on_pool(step, folder, config.gpu_pool)) is not None:
        return done
    return STAGE_FLOWS[step.name](workspace=folder)


def _table(results: dict[str, dict[str, Any]]) -> str:
    lines = ["| stage | done | now | quarantined |", "|---|---|---|---|"]
    lines += [f"| {r['stage']} | {r['done']} | {r['new']} | {r['quarantined']} |" for r in results.values()]
    return "\n".join(lines)
