"""`foleygenex convert`: turns another project's checkpoint into one of ours, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def convert(
    kind: Annotated[str, typer.Argument(help="mmaudio")],
    checkpoint: Annotated[Path, typer.Argument(help="MMAudio's .pth or safetensors; with --export, one of ours")],
    out: Annotated[Path, typer.Argument(help="the file to write; with --export, .pth or .safetensors")],
    export: Annotated[bool, typer.Option("--export", help="convert one of ours to MMAudio's names")] = False,
    variant: Annotated[str, typer.Option(help="the variant to make: full, m-1, m-2, m-3 or mmaudio-s1")] = "full",
    drop_input_embedding: Annotated[
        bool, typer.Option("--drop-input-embedding", help="export although the network then ignores reference audio")
    ] = False,
) -> None:
    """Convert an MMAudio checkpoint (any size, v1 or v2, read from its keys), or export one to MMAudio's names."""
    from data_contracts import UsageError
    from model import mmaudio
    from model.variants import variant as named

    if kind != "mmaudio":
        raise UsageError(f"convert {kind!r} is unknown; expected mmaudio")
    if not checkpoint.is_file():
        raise UsageError(f"checkpoint {checkpoint} does not exist")
    if out.exists() and out.samefile(checkpoint):
        raise UsageError(f"{out} is the file to convert; give another name to write")
    if export:
        typer.echo(mmaudio.export(checkpoint, out, drop_input_embedding=drop_input_embedding))
    elif drop_input_embedding:
        raise UsageError(
            "--drop-input-embedding belongs to --export; to make a network without an input embedding use --variant m-2"
        )
    else:
        typer.echo(mmaudio.convert(checkpoint, out, kind=named(variant)))
