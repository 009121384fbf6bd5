"""`foleygenex clean`: removes from a workspace what no table needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def clean(
    workspace: Annotated[Path, typer.Argument(help="folder of a run")],
    yes: Annotated[bool, typer.Option("--yes", help="remove; without it only say what would be removed")] = False,
) -> None:
    """Say what a workspace has that no table needs, with sizes; with --yes remove it. Refused while a run uses it."""
    from flows.locations import existing
    from tasks.commands.clean import find_unused, remove, unused_text
    from tasks.config import load_stored
    from tasks.engine.workspace import Workspace
    from tasks.engine.workspace_lock import acquire

    space = Workspace(existing(workspace))
    with acquire(space.root, f"clean of {space.root.name}"):
        unused = find_unused(load_stored(space), space)
        typer.echo(unused_text(unused, space))
        if yes:
            remove(unused, space)
    if unused:
        typer.echo("removed" if yes else "nothing is removed; --yes removes all of it")
