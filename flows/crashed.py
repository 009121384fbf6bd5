"""Runs that were killed: their records on the server end, so that they keep no concurrency slot."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun, StateType
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.states import Crashed

from tasks.engine.workspace_lock import Holder, ended_holder

log = logging.getLogger(__name__)


def close_killed_run(holder: Holder) -> list[str]:
    """Marks the run that a workspace's last holder names, and the runs below it, as Crashed unless they have ended.

    Call it for a holder whose processes have ended. Returns the names of the runs. A run without a server, or of
    another one, is left alone; so is one when the server does not answer.
    """
    try:
        with get_client(sync_client=True) as client:
            return _close(client, holder)
    except (ValueError, ObjectNotFound):
        return []
    except (httpx.TransportError, PrefectHTTPStatusError) as error:
        log.warning("%s was killed; its record on the server stays as it is: %s", holder.what, error)
        return []


def close_killed_runs(client: SyncPrefectClient) -> list[str]:
    """Marks the runs as Crashed that have not ended for the server, but were killed in a workspace of this machine.

    Looks at the runs whose parameters name their workspace; the others' heartbeats are missed. Returns the runs' names.
    """
    neither = [*TERMINAL_STATES, StateType.SCHEDULED]  # a nightly has dozens of runs that are to come
    unfinished = FlowRunFilterState(type=FlowRunFilterStateType(not_any_=neither))
    runs = client.read_flow_runs(flow_run_filter=FlowRunFilter(state=unfinished))
    folders = {Path(name) for run in runs if (name := _workspace(run)) and Path(name).is_dir()}
    holders = [holder for folder in sorted(folders) if (holder := ended_holder(folder)) is not None]
    closed: list[str] = []
    for holder in holders:
        with suppress(ValueError, ObjectNotFound):
            closed += _close(client, holder)
    return closed


def close_unstarted_runs(client: SyncPrefectClient, pool: str, taken_before: datetime) -> list[str]:
    """Marks the runs as Crashed that a worker of a pool took before a time and has not started.

    Call it when the workers of that time have ended. Returns the runs' names.
    """
    taken = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PENDING])))
    of_pool = WorkPoolFilter(name=WorkPoolFilterName(any_=[pool]))
    runs = client.read_flow_runs(flow_run_filter=taken, work_pool_filter=of_pool)
    left = [run for run in runs if run.state is not None and run.state.timestamp < taken_before]
    for run in left:
        client.set_flow_run_state(run.id, Crashed(message="the worker that took it ended before it started it"))
    return [run.name for run in left]


def _workspace(run: FlowRun) -> str:
    config = run.parameters.get("config")
    of_config = config.get("workspace") if isinstance(config, dict) else ""
    return str(run.parameters.get("workspace") or of_config or "")


def _close(client: SyncPrefectClient, holder: Holder) -> list[str]:
    """Returns the names of the runs. Raises ValueError for a holder without a flow run, ObjectNotFound elsewhere."""
    runs = [run for run in _with_runs_below(client, UUID(holder.run)) if not _has_ended(run)]
    message = f"process {holder.pid} on {holder.host} was killed; this was found in its workspace"
    for run in runs:
        client.set_flow_run_state(run.id, Crashed(message=message))
    return [run.name for run in runs]


def _with_runs_below(client: SyncPrefectClient, run_id: UUID) -> Iterator[FlowRun]:
    """Yields a flow run and its subflows, also those of other work pools, level by level."""
    level = [client.read_flow_run(run_id)]
    while level:
        yield from level
        parents = FlowRunFilterParentFlowRunId(any_=[run.id for run in level])
        level = client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=parents))


def _has_ended(run: FlowRun) -> bool:
    return run.state is not None and run.state.is_final()
