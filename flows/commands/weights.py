"""`foleygenex weights`: lists every part that needs weights, fetches published ones, says where they lie."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from data_contracts.errors import UsageError


def weights(
    action: Annotated[str, typer.Argument(help="list, fetch or path")] = "list",
    names: Annotated[
        list[str] | None, typer.Argument(help="parts to list or fetch, e.g. mmaudio-44k clip-dfn5b")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the list as JSON")] = False,
) -> None:
    """List the weights that parts need: source, licence, hash, and whether they are there. Or fetch them."""
    if action == "path":
        from model.weights.locate import weights_folder

        typer.echo(str(weights_folder()))
    elif action == "fetch":
        _fetch(names or [])
    elif action == "list":
        _list(names or [], as_json)
    else:
        raise UsageError(f"weights {action!r}: expected list, fetch or path")


def _list(names: list[str], as_json: bool) -> None:
    from tasks.commands.weights import rows, text

    listed = rows()
    wanted = [row for row in listed if not names or row.name in names]
    if missing := sorted(set(names) - {row.name for row in listed}):
        raise UsageError(f"no part is called {missing[0]!r}; known: {', '.join(row.name for row in listed)}")
    typer.echo(json.dumps([row.to_dict() for row in wanted], indent=2) if as_json else text(wanted))


def _fetch(names: list[str]) -> None:
    from tasks.weights.fetch import fetch, parts_named

    failed = 0
    for result in fetch(parts_named(names)):
        failed += result.path is None
        typer.echo(f"{result.part}: {result.path or result.file}: {result.message}", err=result.path is None)
    if failed:
        raise typer.Exit(1)
