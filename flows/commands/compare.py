"""`foleygenex compare`: the listening study GSB (SPEC E4)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def compare(
    study: Annotated[Path, typer.Argument(help="folder of the study")],
    a: Annotated[Path | None, typer.Option("--a", help="sounds of system A, named as the captions")] = None,
    b: Annotated[Path | None, typer.Option("--b", help="sounds of system B")] = None,
    captions: Annotated[
        Path | None, typer.Option(help="CSV: name, caption, adverb; default: this project's 50 captions")
    ] = None,
    rate: Annotated[str | None, typer.Option(help="a rater's name: opens that rater's page on this machine")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="of the page")] = 8791,
    jobs: Annotated[
        Path | None, typer.Option(help="write the captions as a table for `generate jobs`, and end")
    ] = None,
) -> None:
    """Let people say, blinded, which of two systems follows captions better: good, same, bad (SPEC E4)."""
    from data_contracts import UsageError
    from tasks.commands.compare import job
    from tasks.commands.compare import study as sheets

    listed = captions or sheets.own_captions()
    if jobs is not None:
        typer.echo(f"{jobs}: {sheets.write_jobs(jobs, sheets.read_captions(listed))} captions")
        return
    if (a is None) != (b is None):
        raise UsageError("give both --a and --b, the folders of the two systems' sounds")
    if a is not None and b is not None:
        sheets.make_study(study, a, b, sheets.read_captions(listed))
    if rate is None:
        typer.echo(job.results_text(study))
    else:
        job.rate(study, rate, port, typer.echo)
