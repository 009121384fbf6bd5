"""The flow that tests the paper's claims. It makes its own data and is not part of the pipeline."""

from __future__ import annotations

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from flows.artifacts import artifact_key, run_progress
from flows.pipeline import run_unless_finished
from flows.runs import pipeline_settings, run_name, running_in
from tasks.config import PipelineConfig
from tasks.engine.workspace import Workspace
from tasks.pipeline import steps_before


@flow(name="claims", flow_run_name=run_name)
def claims(
    workspace: str = "",
    config_file: str = "claims",
    config: PipelineConfig | None = None,
    changes: tuple[str, ...] = (),
    wait_minutes: float = 0,
) -> str:
    """Trains the named configurations with several seeds and says which of the paper's claims they show (SPEC M12).

    Args:
        workspace: The run's folder, as the machine that works sees it; empty: the one that the settings name.
        config_file: A YAML config on the machine that works, or a shipped one's name; the run makes its own data.
        config: All settings, in place of a file.
        changes: Single settings on top, as with --set, e.g. train.steps=1000.
        wait_minutes: Minutes to wait while another run uses the workspace; with 0 this run ends at once and names the
            other.
    """
    from tasks.commands.claims.job import run_claims

    settings = pipeline_settings(workspace, "" if config else config_file, config, changes)
    space = Workspace(Path(settings.workspace))
    with running_in(space, f"claims of {space.root.name}", lambda: settings, wait_minutes=wait_minutes):
        for step in steps_before("train"):
            run_unless_finished(step, settings, space)
        with run_progress("claims", "trainings", space) as on_progress:
            text = run_claims(settings, space, on_progress)
    create_markdown_artifact(
        text, key=artifact_key(space, "claims"), description="the paper's claims on held-out clips"
    )
    return text
