"""The score tables of a workspace's trainings, each kept by its checkpoint, to compare the next one with."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from data_contracts import Generated, Score
from data_contracts.files import atomic_path
from data_contracts.generation import TRAINED
from tasks.engine.workspace import Workspace

FOLDER: Final = ("evaluate", "by_checkpoint")


def kept_scores(workspace: Workspace, checkpoint_sha256: str) -> Path:
    """Returns where the score table of a checkpoint is kept once it has been evaluated."""
    return workspace.path(*FOLDER, f"{checkpoint_sha256[:16]}.parquet")


def keep_scores(workspace: Workspace, generated: Iterable[Generated]) -> None:
    """Copies the score table to where that of the run's own checkpoint is kept; nothing when it was not scored."""
    scored = {row.checkpoint_sha256 for row in generated if row.checkpoint == TRAINED}
    for sha256 in scored:  # one: all cases are generated again with another checkpoint
        path = kept_scores(workspace, sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            shutil.copyfile(workspace.table("evaluate", Score.TABLE), temporary)
