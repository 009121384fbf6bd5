"""The resume file: one atomic torch file of tensors and plain values, read back with `weights_only=True`."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from data_contracts import TrainingError


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Writes under a temporary name and renames, so that a kill leaves the state before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    torch.save(state, temporary)
    temporary.replace(path)


def read_state(path: Path, device: torch.device) -> dict[str, Any] | None:
    """Returns the state, or None when there is no file. Raises TrainingError when it cannot be read."""
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, OSError, EOFError, pickle.UnpicklingError) as error:
        raise TrainingError(f"{path} is not a readable training state ({error}); delete it to start again") from error
    return state
