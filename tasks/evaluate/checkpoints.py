"""The checkpoints that an evaluation scores side by side: the run's own, the built-in one, and others by file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_contracts import ContractError, UsageError
from data_contracts.generation import BUILTIN, TRAINED
from model.checkpoint import checkpoint_file
from tasks.engine.workspace import Workspace, safe_name


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
    """Returns name -> file: `trained`, `builtin`, or the stem of another checkpoint's file.

    Raises ContractError before the run's own training is finished, WeightsError without a built-in checkpoint,
    UsageError for a file that is missing or a name that appears twice.
    """
    found: dict[str, Path] = {}
    for one in chosen:
        name, path = (TRAINED, _trained(workspace)) if one == TRAINED else _other(one)
        if name in found:
            raise UsageError(f"evaluate.checkpoints: two are called {name!r} ({found[name]}, {path}); rename a file")
        found[name] = path
    return found


def _trained(workspace: Workspace) -> Path:
    path = workspace.path("train", "checkpoint.safetensors")
    if not path.is_file():
        raise ContractError(f"{path} is missing; run the train stage")
    return path


def _other(chosen: str) -> tuple[str, Path]:
    path = checkpoint_file(Path(chosen))
    if not path.is_file():
        known = f"`{TRAINED}`, `{BUILTIN}` or a checkpoint's path"
        raise UsageError(f"evaluate.checkpoints: {chosen} is no file; name {known}")
    return safe_name(path.stem, limit=40), path
