"""Where a command's config and workspace are."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from data_contracts.errors import UsageError


def shipped_config(name: str) -> Path:
    """Returns the path of a config that is part of the package."""
    return Path(str(files("flows") / "configs" / name))


def config_path(config: Path) -> Path:
    """Returns the config file; a bare name that is no file here may be a shipped config's."""
    shipped = shipped_config(f"{config}.yaml")
    if not config.exists() and len(config.parts) == 1 and shipped.exists():
        return shipped
    return config


def existing(workspace: Path) -> Path:
    """Returns the workspace folder. Raises UsageError when there is none or nothing has run in it."""
    if workspace.exists() and not workspace.is_dir():
        raise UsageError(f"{workspace} is a file; a workspace is the folder of a run")
    if not workspace.is_dir():
        raise UsageError(f"workspace {workspace} does not exist; `foleygenex run all CONFIG --workspace` makes one")
    if not (workspace / "config.yaml").exists():
        raise UsageError(f"{workspace} is not a workspace: nothing has run in it (config.yaml is missing)")
    return workspace
