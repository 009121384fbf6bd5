"""The flow that makes a table of the paper. It needs no finished run and is not part of the pipeline."""

from __future__ import annotations

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from flows.artifacts import artifact_key, run_progress
from flows.runs import alone_in, pipeline_settings, run_name
from tasks.config import PipelineConfig
from tasks.engine.workspace import Workspace


@flow(name="paper-table", flow_run_name=run_name)
def paper_table(
    workspace: str = "",
    config_file: str = "",
    config: PipelineConfig | None = None,
    changes: tuple[str, ...] = (),
    wait_minutes: float = 0,
) -> str:
    """Makes a table of the paper, its numbers beside those of the named systems (SPEC E3).

    Args:
        workspace: The folder that gets the table, as the machine that works sees it; empty: the one that the settings
            name.
        config_file: A YAML config on the machine that works, whose group `evaluate` names the table, the systems and
            the test set. What the workspace has stored stays.
        config: All settings, in place of a file. Without either, the workspace's stored ones count.
        changes: Single settings on top, as with --set, e.g. evaluate.table=2.
        wait_minutes: Minutes to wait while another run uses the workspace; with 0 this run ends at once and names the
            other.
    """
    from tasks.commands.paper_tables.job import make_table
    from tasks.commands.paper_tables.text import markdown, text

    settings = pipeline_settings(workspace, config_file, config, changes)
    space = Workspace(Path(settings.workspace))
    with (
        alone_in(space, f"a table of {space.root.name}", wait_minutes=wait_minutes),
        run_progress("paper-table", "clips", space) as on_progress,
    ):
        table = make_table(settings.evaluate, space, on_progress)
    create_markdown_artifact(
        markdown(table),
        key=artifact_key(space, f"table-{table.number}"),
        description=f"table {table.number} of the paper, with our numbers",
    )
    return text(table)
