"""What every run has, whatever it runs: a readable name in the UI, its settings, and its workspace to itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

from prefect import runtime

from data_contracts import UsageError
from tasks.config import PipelineConfig, load_stored, with_changes
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import acquire

_RUN: Final[ContextVar[str | None]] = ContextVar("run", default=None)


def run_name() -> str:
    """Returns a flow run's name, e.g. `mine of run1`: the UI's lists and graphs show it (`flow_run_name=`)."""
    given = runtime.flow_run.parameters
    config = given.get("config")
    workspace = given.get("workspace") or getattr(config, "workspace", None) or "workspace"
    again = ", quarantine again" if given.get("retry") else ""
    return f"{runtime.flow_run.flow_name} of {Path(workspace).name}{again}"


@contextmanager
def workspace_held(workspace: Workspace, what: str) -> Iterator[None]:
    """Holds the workspace while the block runs; the stages of a pipeline run, here or on a pool, share its hold.

    Raises UsageError naming the run that has it.
    """
    known = _RUN.get() or runtime.flow_run.root_flow_run_id
    with acquire(workspace.root, what, run=str(known) if known else None) as run:
        token = _RUN.set(run)
        try:
            yield
        finally:
            _RUN.reset(token)


def pipeline_settings(
    workspace: str, config_file: str, config: PipelineConfig | None, changes: Sequence[str]
) -> PipelineConfig:
    """Returns the settings that a pipeline run's parameters ask for, its workspace absolute.

    `config` or `config_file` replace what the workspace has stored; without them its stored settings count. Raises
    UsageError for both, or for a field that does not fit.
    """
    if config is not None and config_file:
        raise UsageError("config and config_file are both given; give one of them")
    if config_file:
        from flows.locations import config_path

        config = PipelineConfig.load(config_path(Path(config_file)), list(changes))
    elif config is None:
        config = load_stored(Workspace(Path(workspace or "workspace").resolve()), overrides=changes)
    else:
        config = with_changes(config, changes)
    return config.model_copy(update={"workspace": str(Path(workspace or config.workspace).resolve())})


def given_fields(group: str, settings: Any) -> dict[str, Any] | None:
    """Returns the fields that a stage's parameter names, under their group; the others stay as they are stored."""
    return None if settings is None else {group: settings.model_dump(mode="json", exclude_unset=True)}
