"""What the training clips are: recorded, or rendered by the built-in corpus."""

from __future__ import annotations

from data_contracts import Clip, iter_table
from tasks.corpus.config import RENDERED
from tasks.engine.workspace import Workspace


def rendered_share(workspace: Workspace) -> float | None:
    """Returns the share of the workspace's clips that the built-in corpus rendered; None without a table of clips."""
    path = workspace.table("ingest", Clip.TABLE)
    if not path.is_file():
        return None
    rendered = [clip.source == RENDERED for clip in iter_table(path, Clip)]
    return sum(rendered) / len(rendered) if rendered else None
