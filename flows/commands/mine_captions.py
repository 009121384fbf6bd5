"""`foleygenex mine-captions`: finds the captions of a table that name an adverb's side, such as loud or far."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data_contracts.errors import UsageError


def mine_captions(
    source: Annotated[Path | None, typer.Argument(help="a CSV or Parquet table with id and caption")] = None,
    out: Annotated[Path | None, typer.Argument(help="the Parquet file to write")] = None,
    gold: Annotated[Path | None, typer.Option(help="score against a CSV of labelled captions instead")] = None,
    parser: Annotated[str, typer.Option(help="auto, spacy or rules")] = "auto",
    workers: Annotated[int, typer.Option(min=1, help="processes that parse")] = 2,
    id_column: Annotated[str, typer.Option(help="name of the id column")] = "id",
    caption_column: Annotated[str, typer.Option(help="name of the caption column")] = "caption",
) -> None:
    """Find adverbs, adjectives and phrases that name a side of speed, distance or volume, without any audio."""
    if gold is None and (source is None or out is None):
        raise UsageError("name the table to read and the file to write, or --gold with labelled captions")
    _say_which(parser)
    if gold is not None:
        from tasks.mine.parser import make_miner
        from tasks.mine.score import score, text

        miner = make_miner(parser)
        typer.echo(text(score(miner, gold), miner.method, gold))
    if source is not None and out is not None:
        from tasks.mine.files import mine_file

        summary = mine_file(
            source, out, choice=parser, workers=workers, id_column=id_column, caption_column=caption_column
        )
        typer.echo(f"{summary.line()}\n{out}")


def _say_which(parser: str) -> None:
    """Says on stderr that rules are used, where `auto` finds no model."""
    from model.weights.catalogue import CAPTION_PARSER, COMPONENTS
    from model.weights.locate import available

    if parser == "auto" and not available(CAPTION_PARSER):
        command = COMPONENTS[CAPTION_PARSER].fetch_command
        typer.echo(f"no parser model is downloaded: mining by rules; fetch it with `{command}` (13 MB)", err=True)
