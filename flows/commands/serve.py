"""`foleygenex serve`: the reports of a folder of workspaces, as pages on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(
    folder: Annotated[Path, typer.Argument(help="the folder that the workspaces are in")],
    port: Annotated[int, typer.Option(min=1, max=65535, help="of the pages, on this machine only")] = 8080,
) -> None:
    """Show the reports of the workspaces in a folder: where the links of Prefect's UI lead."""
    from tasks.commands import serve as pages

    pages.reports_app(folder)  # says what is wrong before it says where
    typer.echo(f"reports: http://127.0.0.1:{port}  (Ctrl-C ends this)")
    pages.serve(folder, port)
