"""The evaluate step: the score table, from the scores of single clips (SPEC E3)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from data_contracts import ClipScore, ContractError, Row, Score, read_table
from data_contracts.files import hash_file
from tasks.engine import SingleItemStage
from tasks.engine.workspace import Workspace
from tasks.evaluate.tables import aggregate


@dataclass(frozen=True, kw_only=True)
class EvaluateStage(SingleItemStage):
    """Writes mean, n and a bootstrap interval per task, system and metric."""

    name: ClassVar[str] = "evaluate"
    version: ClassVar[int] = 1
    row_type: ClassVar[type[Row]] = Score

    def settings(self) -> dict[str, Any]:
        """Returns nothing: the settings act through the clips' scores."""
        return {}

    def payload(self, workspace: Workspace) -> dict[str, Any]:
        """Returns the hash of the clips' scores."""
        return {"clip_scores_sha256": hash_file(_clip_scores(workspace))}

    def make(self, workspace: Workspace) -> list[Score]:
        """Returns the rows of the score table."""
        rows = aggregate(read_table(_clip_scores(workspace), ClipScore))
        self.on_progress(1, 1, "")
        return rows


def _clip_scores(workspace: Workspace) -> Path:
    path = workspace.table("score", ClipScore.TABLE)
    if not path.exists():
        raise ContractError(f"{path} is missing; run the score stage")
    return path
