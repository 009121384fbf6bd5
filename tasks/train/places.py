"""Where a training's files are in the workspace: its checkpoint and record, and its states by the training's key."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final

from data_contracts import UsageError
from tasks.engine.workspace import Workspace, read_json
from tasks.train.continuation import folders_in_order, latest_training

log = logging.getLogger(__name__)

STAGE: Final = "train"
CHECKPOINT: Final = "checkpoint.safetensors"
RECORD: Final = "train.json"
"""Describes the checkpoint: its training's key, history, steps, losses, size and hash."""


def checkpoint_path(workspace: Workspace) -> Path:
    """Returns the path of the trained weights."""
    return workspace.path(STAGE, CHECKPOINT)


def states_folder(workspace: Workspace, key: str) -> Path:
    """Returns the folder of a training's states and EMA snapshots.

    Its name has the training's key, so a state of other features or settings is never continued.
    """
    return trainings_folder(workspace) / key[:16]


def trainings_folder(workspace: Workspace) -> Path:
    """Returns the folder that has a folder of states per training."""
    return workspace.path(STAGE, "last")


def kept_trainings(workspace: Workspace) -> set[str]:
    """Returns the names of the trainings' folders that are in use: that of the checkpoint, the one run last, and the
    finished one before, with which the report compares."""
    folders = folders_in_order(trainings_folder(workspace))
    latest, finished = latest_training(trainings_folder(workspace)), (known_key(workspace) or "")[:16]
    before = [folder.name for folder in folders if (folder / RECORD).exists() and folder.name != finished][-1:]
    return {name for name in (latest.name if latest else "", finished, *before) if name}


def finished_key(workspace: Workspace) -> str:
    """Returns the key of the training that the workspace's checkpoint is from. Raises UsageError without one."""
    key = known_key(workspace)
    if key is None:
        raise UsageError(
            f"{workspace.root} has no finished training; `foleygenex run train CONFIG --workspace {workspace.root}` "
            "makes one"
        )
    return key


def known_key(workspace: Workspace) -> str | None:
    """Returns the key of `finished_key`; None without a finished training. Raises UsageError for a damaged record."""
    path = record_path(workspace)
    return str(read_record(path)["key"]) if path.exists() else None


def read_record(path: Path) -> dict[str, Any]:
    """Returns a checkpoint's record. Raises UsageError when it is missing or damaged."""
    record = read_json(path)
    if not isinstance(record, dict) or not {"key", "checkpoint_sha256"} <= record.keys():
        raise UsageError(f"{path} is damaged (it names no training); remove it and run its stage again")
    return record


def record_path(workspace: Workspace) -> Path:
    """Returns the path of the checkpoint's record."""
    return workspace.path(STAGE, RECORD)


def set_aside(workspace: Workspace, key: str) -> None:
    """Moves checkpoint and record of another training into its states folder: no training deletes another's work."""
    record, checkpoint = record_path(workspace), checkpoint_path(workspace)
    if (other := known_key(workspace)) not in (None, key):
        folder = states_folder(workspace, str(other))
        folder.mkdir(parents=True, exist_ok=True)
        for path in (checkpoint, record):
            if path.exists():
                path.replace(folder / path.name)
        log.info("the checkpoint of the training before is kept in %s", folder)
