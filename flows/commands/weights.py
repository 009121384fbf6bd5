"""`foleygenex weights`: lists every component that needs weights, fetches them, says where they are.

`fetch-llm` and `fetch-parser` fetch the two that write and mine captions.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from data_contracts.errors import UsageError


def weights(
    action: Annotated[str, typer.Argument(help="list, fetch or path")] = "list",
    names: Annotated[
        list[str] | None, typer.Argument(help="components to list or fetch, e.g. mmaudio-44k clip-dfn5b")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the list as JSON")] = False,
) -> None:
    """List the weights that components need: source, licence, hash, and whether they are present. Or fetch them."""
    if action == "path":
        from model.weights.locate import weights_folder

        typer.echo(str(weights_folder()))
    elif action == "fetch":
        _fetch(names or [])
    elif action == "list":
        _list(names or [], as_json)
    else:
        raise UsageError(f"weights {action!r}: expected list, fetch or path")


def fetch_llm() -> None:
    """Fetch the embedded language model (1.1 GB, checked against its pinned SHA-256)."""
    from flows.weights import ensure_with_bar
    from model.weights.catalogue import EMBEDDED_LLM

    typer.echo(ensure_with_bar(EMBEDDED_LLM))


def fetch_parser() -> None:
    """Fetch the model that parses captions (13 MB, checked against its pinned SHA-256)."""
    from flows.weights import ensure_with_bar
    from model.weights.catalogue import CAPTION_PARSER

    typer.echo(ensure_with_bar(CAPTION_PARSER).parent)


def _list(names: list[str], as_json: bool) -> None:
    from tasks.commands.weights import rows, text

    listed = rows()
    wanted = [row for row in listed if not names or row.name in names]
    if missing := sorted(set(names) - {row.name for row in listed}):
        raise UsageError(f"no weights are called {missing[0]!r}; known: {', '.join(row.name for row in listed)}")
    typer.echo(json.dumps([row.to_dict() for row in wanted], indent=2) if as_json else text(wanted))


def _fetch(names: list[str]) -> None:
    from tasks.weights.fetch import components_named, fetch

    failed = 0
    for result in fetch(components_named(names)):
        failed += result.path is None
        typer.echo(f"{result.component}: {result.path or result.file}: {result.message}", err=result.path is None)
    if failed:
        raise typer.Exit(1)
