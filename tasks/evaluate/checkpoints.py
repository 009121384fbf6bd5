"""The checkpoints that an evaluation scores side by side: the run's own training, and others by file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_contracts import ContractError, UsageError
from tasks.engine.workspace import Workspace, safe_name

TRAINED: Final = "trained"
"""The name of the run's own training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One of the checkpoints that are scored: its name in the tables, its file and the file's hash."""

    name: str
    path: Path
    sha256: str


def generated_name(name: str, checkpoint: str) -> str:
    """Returns the id of what a checkpoint makes of a case or a batch; of the run's own training it is the same."""
    return name if checkpoint == TRAINED else f"{checkpoint}-{name}"


def checkpoint_paths(chosen: Sequence[str], workspace: Workspace) -> dict[str, Path]:
    """Returns name -> file: `trained`, or the stem of another checkpoint's file.

    Raises ContractError before the run's own training is finished, UsageError for a file that is missing or a name that
    appears twice.
    """
    found: dict[str, Path] = {}
    for one in chosen:
        path = workspace.path("train", "checkpoint.safetensors") if one == TRAINED else Path(one)
        if not path.is_file():
            if one == TRAINED:
                raise ContractError(f"{path} is missing; run the train stage")
            raise UsageError(f"evaluate.checkpoints: {one} is no file; name `{TRAINED}` or a checkpoint's path")
        name = TRAINED if one == TRAINED else safe_name(path.stem, limit=40)
        if name in found:
            raise UsageError(f"evaluate.checkpoints: two are called {name!r} ({found[name]}, {path}); rename a file")
        found[name] = path
    return found
