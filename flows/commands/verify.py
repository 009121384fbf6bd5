"""`foleygenex verify`: the manual check of augmented rows (SPEC A8)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def verify(
    workspace: Annotated[Path, typer.Argument(help="folder of a run")],
    rate: Annotated[str | None, typer.Option(help="a rater's name: opens that rater's page on this machine")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="of the page")] = 8790,
    redraw: Annotated[bool, typer.Option("--redraw", help="draw the sheet anew from today's manifest")] = False,
) -> None:
    """Draw the stratified sheet, open a rater's page, or say what the raters found (SPEC A8)."""
    from flows.locations import existing
    from tasks.commands.verify import job
    from tasks.engine.workspace import Workspace

    found = Workspace(existing(workspace))
    if rate is None:
        typer.echo(job.results_text(found, redraw=redraw))
        return
    job.current_sheet(found, redraw=redraw)
    job.rate(found, rate, port, typer.echo)
