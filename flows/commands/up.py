"""`foleygenex up` and `foleygenex down`: the Prefect server and its workers on this machine."""

from __future__ import annotations

from typing import Annotated

import typer


def up(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="of the server, on this machine only; default 4200")
    ] = None,
) -> None:
    """Start a Prefect server, its pools, deployments and workers on this machine; wait until they answer."""
    from flows.up.services import up as start

    url = start(port, typer.echo, lambda line: typer.echo(line, err=True))
    typer.echo(f"ready: {url.removesuffix('/api')}; for the commands of this shell: export PREFECT_API_URL={url}")


def down() -> None:
    """Stop what `foleygenex up` has started, and the runs on its workers; a run continues when it is started again."""
    from flows.up.services import down as stop

    stop(typer.echo)
