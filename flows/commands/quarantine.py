"""`foleygenex quarantine`: which inputs could not be used, why, and what can be done about it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def quarantine(
    workspace: Annotated[Path, typer.Argument(help="folder of a run")],
    stage: Annotated[str | None, typer.Argument(help="a stage; default: all")] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="items shown per reason")] = 10,
) -> None:
    """List the inputs that could not be used: reasons, items with their messages, and advice."""
    from flows.locations import existing
    from tasks.commands.quarantine import quarantine_text
    from tasks.engine.workspace import Workspace

    typer.echo(quarantine_text(Workspace(existing(workspace)), stage, most=most))
