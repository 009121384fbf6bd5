"""`foleygenex deploy`: brings a Prefect server to this release, and keeps what an operator has set there."""

from __future__ import annotations

from typing import Annotated

import typer


def deploy(
    names: Annotated[list[str] | None, typer.Argument(help="deployments, by default all of prefect.yaml")] = None,
    server: Annotated[str, typer.Option(help="the API's address; default: the server that is set")] = "",
    reset: Annotated[
        bool, typer.Option("--reset", help="take the shipped schedules, parameters and limits in place of yours")
    ] = False,
    notify: Annotated[str, typer.Option(help="address that notifications are sent to, e.g. a Slack webhook")] = "",
) -> None:
    """Create or update work pools, deployments and automations; keep schedules, parameters and limits set there."""
    from flows.deploy.install import install, server_to_use

    url = server_to_use(server)
    lines = install(url, lambda line: typer.echo(line, err=True), names=names or (), reset=reset, notify=notify)
    for line in lines:
        typer.echo(line)
    typer.echo(f"{url} has this release" + ("" if lines else ", all as it is shipped"))
