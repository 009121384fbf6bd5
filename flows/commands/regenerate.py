"""`foleygenex regenerate`: one item again, alone, to the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def regenerate(
    workspace: Annotated[Path, typer.Argument(help="folder of a run")],
    item_id: Annotated[str, typer.Argument(help="item_id of a manifest row")],
) -> None:
    """Make one item again from its source, compare byte for byte, and restore missing or damaged files."""
    from flows.locations import existing
    from tasks.commands.regenerate.job import regenerate as make_again
    from tasks.config import load_stored
    from tasks.engine.workspace import Workspace

    found = Workspace(existing(workspace))
    compared = make_again(load_stored(found), found, item_id)
    for one in compared:
        typer.echo(one.line())
    if any(one.verdict == "differs" for one in compared):
        raise typer.Exit(1)
