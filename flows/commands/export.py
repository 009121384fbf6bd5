"""`foleygenex export`: the manifest as WebDataset tars, or as a folder for Hugging Face `datasets`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from data_contracts.errors import UsageError

_KINDS: Final = ("webdataset", "datasets")


def _known_kind(kind: str) -> str:
    """Returns the kind. Raises UsageError for an unknown one, before a missing argument is asked for."""
    if kind not in _KINDS:
        raise UsageError(f"export {kind!r} is unknown; choose one of {', '.join(_KINDS)}")
    return kind


def export(
    kind: Annotated[str, typer.Argument(help=" or ".join(_KINDS), callback=_known_kind)],
    workspace: Annotated[Path, typer.Argument(help="folder of a run")],
    out: Annotated[Path, typer.Argument(help="a new or empty folder")],
    split: Annotated[list[str] | None, typer.Option(help="train, val or test; repeatable; default: all")] = None,
    subset: Annotated[list[str] | None, typer.Option(help="vta, tta or aa; repeatable; default: all")] = None,
    licence: Annotated[list[str] | None, typer.Option(help="only rows under this licence; repeatable")] = None,
    shard_mb: Annotated[int, typer.Option(min=1, help="most megabytes of media per file")] = 500,
) -> None:
    """Write the manifest's rows with their audio and video in a format that other tools read."""
    from flows.locations import existing
    from flows.progress import bar
    from tasks.commands.export.datasets_folder import export_datasets
    from tasks.commands.export.rows import Selection
    from tasks.commands.export.webdataset import export_webdataset
    from tasks.engine.workspace import Workspace

    write = export_webdataset if kind == "webdataset" else export_datasets
    selection = Selection(splits=tuple(split or ()), subsets=tuple(subset or ()), licences=tuple(licence or ()))
    with bar("export", "rows") as on_progress:
        line = write(
            Workspace(existing(workspace)),
            out,
            selection,
            shard_bytes=shard_mb * 1_000_000,
            on_progress=on_progress,
        )
    typer.echo(line)
