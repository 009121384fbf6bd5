"""The resume files: atomic torch files of tensors and plain values, read back with `weights_only=True`."""

from __future__ import annotations

import logging
import re
import zipfile
from pathlib import Path
from typing import Any, Final

import torch

from data_contracts.files import atomic_path

log = logging.getLogger(__name__)
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
    """Returns the newest state that can be read, on the CPU, or None when there is none.

    A damaged state is logged and left where it is; the one before it counts then. On a GPU there would not be enough
    memory beside the network, optimiser and averages that it is copied into.
    """
    return next((state for _, path in reversed(state_files(folder)) if (state := read_state(path)) is not None), None)


def read_state(path: Path) -> dict[str, Any] | None:
    """Returns a state, on the CPU; None, and a line in the log, when it is damaged."""
    try:
        _check_sums(path)
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # an unpickler raises errors of any type on damaged bytes
        log.warning("%s is not a readable training state (%s) and is not used", path, type(error).__name__)
        return None
    return state


def _check_sums(path: Path) -> None:
    """Raises BadZipFile when a part of a torch file differs from its checksum, which `torch.load` does not look at."""
    with zipfile.ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:
            raise zipfile.BadZipFile(f"{damaged} differs from its checksum")


def set_aside(folder: Path) -> None:
    """Renames every state to `NAME.damaged`: none of them can be read, and a person may want to look at them."""
    files = state_files(folder)
    for _, path in files:
        path.replace(path.with_name(f"{path.name}.damaged"))
    if files:
        log.warning("no training state in %s can be read; they are kept as *.damaged", folder)
