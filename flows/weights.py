"""Fetching weights for a person at a terminal: with a bar, and before a demo that wants them."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from data_contracts import WeightsError
from flows.progress import bar
from model.weights.catalogue import CAPTION_PARSER, COMPONENTS, EMBEDDED_LLM
from model.weights.locate import available
from tasks.choices import with_choices
from tasks.config import PipelineConfig
from tasks.engine.workspace import Workspace
from tasks.weights.fetch import ensure


def ensure_with_bar(name: str) -> Path:
    """Fetches a component unless it is there, under a bar. Returns its first file. Raises WeightsError."""
    with bar("fetch", "MB") as advance:
        paths = ensure(name, lambda done, total, note: advance(done // 1_000_000, total // 1_000_000, note))
    return paths[0]


def prepare_captions(config: PipelineConfig) -> None:
    """Fetches the caption parser and the embedded language model where a run would use them.

    Raises WeightsError when one that the config insists on cannot be fetched; with `auto`, says why rules are used.
    """
    config = with_choices(config, Workspace(Path(config.workspace)))
    if config.mine.parser != "rules":
        _prepare(CAPTION_PARSER, needed=config.mine.parser == "spacy")
    endpoint = config.llm.backend == "auto" and bool(os.environ.get("OPENAI_BASE_URL"))
    if config.llm.backend in ("auto", "embedded") and not endpoint:
        _prepare(EMBEDDED_LLM, needed=config.llm.backend == "embedded")


def _prepare(name: str, *, needed: bool) -> None:
    if available(name):
        return
    use = COMPONENTS[name].use
    try:
        typer.echo(f"{use}: {ensure_with_bar(name)}", err=True)
    except WeightsError as error:
        if needed:
            raise
        typer.echo(f"{error}\n{use}: labelled rules are used in its place", err=True)
