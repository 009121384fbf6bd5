"""Where a command's workspace is."""

from __future__ import annotations

from pathlib import Path

from data_contracts.errors import UsageError


def existing(workspace: Path) -> Path:
    """Returns the workspace folder. Raises UsageError when there is none or nothing has run in it."""
    if workspace.exists() and not workspace.is_dir():
        raise UsageError(f"{workspace} is a file; a workspace is the folder of a run")
    if not workspace.is_dir():
        raise UsageError(f"workspace {workspace} does not exist; `foleygenex run all CONFIG --workspace` makes one")
    if not (workspace / "config.yaml").exists():
        raise UsageError(f"{workspace} is not a workspace: nothing has run in it (config.yaml is missing)")
    return workspace
