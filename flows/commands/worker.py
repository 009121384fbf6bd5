"""`foleygenex worker`: a Prefect worker that lets its runs end in good order."""

from __future__ import annotations

from typing import Annotated

import typer


def worker(
    pool: Annotated[str, typer.Argument(help="work pool, e.g. cpu or gpu")],
    limit: Annotated[
        int | None, typer.Option(min=1, help="runs at a time; default: 1 for pool gpu, else no limit")
    ] = None,
) -> None:
    """Run a Prefect worker of a pool here until SIGTERM or Ctrl-C: then a training writes its state before it ends."""
    from flows.up.worker import run_worker

    run_worker(pool, limit, lambda line: typer.echo(line, err=True))
