"""The resume files: atomic torch files of tensors and plain values, read back with `weights_only=True`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import torch

from data_contracts import TrainingError
from data_contracts.files import atomic_path

_NAME: Final = re.compile(r"state-(\d{8})\.pt")


def state_path(folder: Path, step: int) -> Path:
    """Returns the path of the state after `step` optimiser steps."""
    return folder / f"state-{step:08d}.pt"


def state_files(folder: Path) -> list[tuple[int, Path]]:
    """Returns (step, path) of the states in a folder, oldest first."""
    found = ((_NAME.fullmatch(path.name), path) for path in folder.glob("state-*.pt"))
    return sorted((int(match[1]), path) for match, path in found if match)


def write_atomically(path: Path, content: Any) -> None:
    """Writes to a temporary name and renames, so that a killed run leaves the file as it was before."""
    with atomic_path(path) as temporary:
        torch.save(content, temporary)


def write_state(folder: Path, step: int, state: dict[str, Any], *, keep: int) -> Path:
    """Writes a state and removes all but the last `keep`. Returns its path."""
    path = state_path(folder, step)
    write_atomically(path, state)
    for _, old in state_files(folder)[:-keep]:
        old.unlink()
    return path


def read_newest(folder: Path) -> dict[str, Any] | None:
    """Returns the newest state, on the CPU, or None when there is none. Raises TrainingError when it cannot be read.

    On a GPU there would not be enough memory beside the network, optimiser and averages that it is copied into.
    """
    files = state_files(folder)
    if not files:
        return None
    path = files[-1][1]
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # an unpickler raises errors of any type on damaged bytes
        before = f"continue from step {files[-2][0]}" if len(files) > 1 else "start again"
        raise TrainingError(
            f"{path} is not a readable training state ({type(error).__name__}); delete it to {before}"
        ) from error
    return state
