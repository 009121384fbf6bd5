"""`foleygenex app`: a page to play with a trained checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data_contracts.generation import BUILTIN
from flows.commands.generate import CHECKPOINT_HELP, LICENCE_HELP, named_checkpoint, say_builtin


def app(
    checkpoint: Annotated[Path, typer.Option(help=CHECKPOINT_HELP)] = Path(BUILTIN),
    port: Annotated[int, typer.Option(min=1, max=65535, help="of the page, on this machine only")] = 7860,
    codec: Annotated[str | None, typer.Option(help="codec name or file; default: the checkpoint's")] = None,
    variant: Annotated[str | None, typer.Option(help="a named configuration of these weights, e.g. no-sum")] = None,
    device: Annotated[str, typer.Option(help="auto (a GPU where there is one), cpu, cuda or cuda:1")] = "auto",
    open_: Annotated[bool, typer.Option("--open", help="open the browser")] = False,
    accept_licence: Annotated[bool, typer.Option("--accept-licence", help=LICENCE_HELP)] = False,
) -> None:
    """Open a page: upload a video, pick a task, type, add a reference, listen, download."""
    from tasks.commands.app.page import gradio, serve
    from tasks.commands.generate.session import InferenceSession

    gradio()  # not installed is said before a gigabyte of weights is loaded
    checkpoint = named_checkpoint(checkpoint, accept_licence=accept_licence, variant=variant)
    session = InferenceSession.open(checkpoint, codec, variant, device=device)
    say_builtin(checkpoint)
    serve(session, port, typer.echo, opens_browser=open_)
