"""What every run has, whatever it runs: a readable name in the UI, its settings, and its workspace to itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

from prefect import runtime, tags
from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger

from data_contracts import UsageError
from flows.crashed import close_killed_run
from flows.terminal_log import LINES
from flows.waiting import acquired
from tasks.config import PipelineConfig, config_path, load_stored, store, with_changes
from tasks.engine.settings import StageConfig
from tasks.engine.workspace import Workspace

_ACQUIRED: Final[ContextVar[Path | None]] = ContextVar("acquired", default=None)


def run_name() -> str:
    """Returns a flow run's name, e.g. `mine of run1`: the UI's lists and graphs show it (`flow_run_name=`)."""
    given = runtime.flow_run.parameters
    config = given.get("config")
    workspace = given.get("workspace") or getattr(config, "workspace", None) or "workspace"
    again = ", quarantine again" if given.get("retry") else ""
    return f"{runtime.flow_run.flow_name} of {Path(workspace).name}{again}"


def announce(line: str) -> None:
    """Shows a line to people: in the log of the run, if there is one, and in a terminal where the command listens."""
    with suppress(MissingContextError):  # before a command's flow begins
        get_run_logger().info("%s", line)
    logging.getLogger(LINES).info("%s", line)


@contextmanager
def running_in(
    workspace: Workspace, what: str, settings: Callable[[], PipelineConfig], *, wait_minutes: float = 0
) -> Iterator[PipelineConfig]:
    """Keeps other runs out of the workspace as `alone_in`, stores the run's settings in it and yields them.

    `settings` is called when no other run can change what is stored.
    """
    with alone_in(workspace, what, wait_minutes=wait_minutes):
        config = settings()
        store(config, workspace)
        yield config


@contextmanager
def alone_in(workspace: Workspace, what: str, *, wait_minutes: float = 0) -> Iterator[None]:
    """Keeps other runs out of the workspace while the block runs.

    A stage of a pipeline shares the pipeline's workspace: in its process, or from a work pool under the id of its root
    flow run. A run that was killed here is marked Crashed on the server. Raises InUseError naming the run that uses the
    workspace, after `wait_minutes`.
    """
    if _ACQUIRED.get() == workspace.root:
        yield
        return
    root = runtime.flow_run.root_flow_run_id
    run = str(root) if root else None
    with acquired(workspace.root, what, announce, run=run, wait_s=60 * wait_minutes) as killed:
        if killed is not None and killed.run != run:
            for name in close_killed_run(killed):
                announce(f"{name} was killed: marked Crashed, this run continues its work")
        token = _ACQUIRED.set(workspace.root)
        try:
            with tags(f"workspace: {workspace.root.name}"):  # of the subflows and task runs
                yield
        finally:
            _ACQUIRED.reset(token)


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
        config = PipelineConfig.load(config_path(Path(config_file)), changes)
    elif config is None:
        config = load_stored(Workspace(Path(workspace or "workspace").resolve()), overrides=changes)
    else:
        config = with_changes(config, changes)
    return config.model_copy(update={"workspace": str(Path(workspace or config.workspace).resolve())})


def given_fields(group: str | None, settings: StageConfig | None) -> dict[str, Any]:
    """Returns the fields that a stage's parameter names, under their group; the others stay as they are stored."""
    return {group: settings.model_dump(mode="json", exclude_unset=True)} if group and settings is not None else {}
