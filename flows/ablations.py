"""The flow of the ablation table. It needs a finished run and is not part of the pipeline."""

from __future__ import annotations

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from flows.artifacts import artifact_key, run_progress
from flows.runs import run_name, running_in
from tasks.config import load_stored
from tasks.engine.workspace import Workspace
from tasks.evaluate.config import EvaluateConfig
from tasks.train.comparisons import AblationsConfig
from tasks.train.config import TrainConfig


@flow(name="ablations", flow_run_name=run_name)
def ablations(
    workspace: str = "workspace",
    train: TrainConfig | None = None,
    evaluate: EvaluateConfig | None = None,
    compared: AblationsConfig | None = None,
    wait_minutes: float = 0,
) -> str:
    """Trains and scores M-1, M-2, M-3, full and full without summation on one run's features (SPEC M12).

    Args:
        workspace: Folder of a run whose features are computed.
        train: How each configuration is trained. Leave empty to use the settings stored in the workspace.
        evaluate: How it is sampled and scored; empty as above.
        compared: Which configurations and tasks; empty as above.
        wait_minutes: Minutes to wait while another run uses the workspace; with 0 this run ends at once and names the
            other.
    """
    from tasks.commands.ablations.job import run_ablations

    space = Workspace(Path(workspace).resolve())
    groups = {"train": train, "evaluate": evaluate, "ablations": compared}
    given = {name: group.model_dump(mode="json") for name, group in groups.items() if group is not None}
    with (
        running_in(space, f"ablations of {space.root.name}", lambda: load_stored(space), wait_minutes=wait_minutes),
        run_progress("ablations", "variants", space) as on_progress,
    ):
        # The table's settings (a shorter training, fewer clips) are not the run's, so they are not stored.
        text = run_ablations(load_stored(space, given), space, on_progress)
    create_markdown_artifact(
        text, key=artifact_key(space, "ablations"), description="named configurations on the held-out clips"
    )
    return text
