"""The whole pipeline as one flow: every stage in order as a subflow, finished stages left alone.

In the UI the run shows one subflow per stage that had work, and ends with a table of all stages and the report's link.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from pydantic import Field

from flows.artifacts import publish_pipeline
from flows.costs import POOL, with_costs
from flows.direct import stale_line
from flows.placement import run_on_pool
from flows.retries import retried
from flows.runs import announce, pipeline_settings, run_name, running_in
from flows.stages import STAGE_FLOWS
from tasks.config import PipelineConfig
from tasks.engine import StageState
from tasks.engine.workspace import Workspace
from tasks.pipeline import STEPS, Step, chosen_steps
from tasks.steps import first_stale_before, step_state

StageName = Annotated[str, Field(json_schema_extra={"enum": ["", *(step.name for step in STEPS)]})]


@flow(name="pipeline", flow_run_name=run_name)
def pipeline(
    workspace: str = "",
    config_file: str = "",
    config: PipelineConfig | None = None,
    changes: tuple[str, ...] = (),
    verify_files: bool = False,
    until: StageName = "",
    only: tuple[StageName, ...] = (),
    wait_minutes: float = 0,
    retries: int = 0,
) -> dict[str, Any]:
    """Runs ingest to report. Killed at any moment and run again, it continues and ends with the same tables.

    Args:
        workspace: The run's folder, as the machine that works sees it; empty: the one that the settings name.
        config_file: A YAML config on the machine that works, or a shipped one's name (demo, paper). It replaces the
            settings stored in the workspace.
        config: All settings, in place of a file. Without either, the workspace's stored ones count; in a new
            workspace those of the built-in demo.
        changes: Single settings on top, as with --set, e.g. train.steps=1000 or workers=4.
        verify_files: Read every file, also those of single items, and make damaged ones again.
        until: The last stage to run; empty: the report.
        only: Run only these stages, in the pipeline's order; empty: all.
        wait_minutes: Minutes to wait while another run uses the workspace; with 0 this run ends at once and names the
            other.
        retries: How often a stage is started again after a fault that may pass: an endpoint, a network, a worker.
    """
    steps = chosen_steps(until, [name for name in only if name])
    settings = pipeline_settings(workspace, config_file, config, changes)
    space = Workspace(Path(settings.workspace))
    with running_in(space, f"pipeline of {space.root.name}", lambda: settings, wait_minutes=wait_minutes):
        if only and (earlier := first_stale_before(steps[0], settings, space)):
            announce(stale_line(steps[0], earlier))
        results = []
        for step in steps:
            work = partial(run_unless_finished, step, settings, space, verify_files=verify_files)
            results.append(with_costs(partial(retried, work, name=step.name, retries=retries)))
        publish_pipeline(results, settings, space)
    return {result["stage"]: result for result in results}


def run_unless_finished(
    step: Step, config: PipelineConfig, workspace: Workspace, *, verify_files: bool = False
) -> dict[str, Any]:
    """Runs a stage unless it is finished: on its work pool where that has a worker, else here. Returns its counts.

    With `verify_files` also a finished stage runs, and reads its files.
    """
    state = step_state(step, config, workspace)
    given = {"verify_files": True} if verify_files else {}
    if state.finished and not verify_files:
        announce(f"{step.name}: already done")
        return _counts(state, new=0)
    if step.pool == "gpu" and run_on_pool(step, config, workspace, given):
        after = step_state(step, config, workspace)
        new = after.done + after.quarantined - state.done - state.quarantined
        announce(f"{step.name}: {after.done} done ({max(0, new)} now), {after.quarantined} in quarantine")
        return {**_counts(after, new=new), POOL: config.gpu_pool}
    return STAGE_FLOWS[step.name](workspace=config.workspace, **given)


def _counts(state: StageState, new: int) -> dict[str, Any]:
    return {"stage": state.name, "done": state.done, "new": max(0, new), "quarantined": state.quarantined}
