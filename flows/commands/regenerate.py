"""`foleygenex regenerate`: one item again, alone, to the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def regenerate(
    workspace: Annotated[Path, typer.Argument(help="folder of a run")],
    item_id: Annotated[str, typer.Argument(help="item_id of a manifest row")],
) -> None:
    """Make one item again from its source, compare byte for byte, and put lost or damaged files back."""
    from flows.locations import existing
    from tasks.commands.regenerate.job import regenerate as make_again
    from tasks.config import load_stored
    from tasks.engine.workspace import Workspace

    found = Workspace(existing(workspace))
    steps = make_again(load_stored(found), found, item_id)
    for step in steps:
        typer.echo(step.line())
    if any(step.verdict == "differs" for step in steps):
        raise typer.Exit(1)
