"""`foleygenex ema`: the trained weights averaged with another width, afterwards (SPEC T1)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def ema(
    workspace: Annotated[Path, typer.Argument(help="folder of a run whose training is finished")],
    sigma: Annotated[float, typer.Option(help="relative width of the average (MMAudio: 0.05)")],
    out: Annotated[Path, typer.Option(help="checkpoint to write, .safetensors")],
    step: Annotated[int | None, typer.Option(min=1, help="as of this step; default: the last")] = None,
) -> None:
    """Make a checkpoint of any EMA width from the training's snapshots, without training again."""
    from flows.locations import existing
    from tasks.engine.workspace import Workspace
    from tasks.train.average import write_average

    typer.echo(write_average(Workspace(existing(workspace)), sigma, out, step=step))
