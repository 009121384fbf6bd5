"""The ablation table as a flow of its own: it follows a finished run and is not part of the schedule."""

from __future__ import annotations

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact

from flows.progress import bar
from flows.runner import both, ui_progress
from tasks.config import load_stored
from tasks.workspace import Workspace


@flow(name="ablations")
def ablations(workspace: str = "workspace") -> str:
    """Trains and scores M-1, M-2, M-3, full and full without summation on one run's features (SPEC M12).

    Args:
        workspace: Folder of a run whose features are computed; its `ablations` settings say what is compared.
    """
    from tasks.ablations.job import run_ablations

    place = Workspace(Path(workspace))
    with bar("ablations", "variants") as terminal:
        text = run_ablations(load_stored(place), place, both(terminal, ui_progress("ablations")))
    create_markdown_artifact(text, key="ablations", description="named configurations on the held-out clips")
    return text
