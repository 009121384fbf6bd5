"""Runs a stage as its own deployment on a work pool, when that has a worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_API_URL
from prefect.states import Cancelling

from data_contracts import FoleyGenExError
from flows.retries import CrashedRunError
from flows.runs import announce
from flows.server import is_own
from flows.waiting import SAY_EVERY_S
from tasks.config import PipelineConfig
from tasks.engine import is_being_run
from tasks.engine.workspace import Workspace
from tasks.pipeline import STEPS, Step
from tasks.steps import step_state

_LOOK_EVERY_S: Final = 2.0
_SERVER_AWAY_S: Final = 600.0  # a server that restarts must not end a training that runs elsewhere


def run_on_pool(
    step: Step, config: PipelineConfig, workspace: Workspace, given: Mapping[str, bool] = MappingProxyType({})
) -> bool:
    """Runs a stage as its deployment, with the given parameters, and waits for it.

    Returns False when the pool has no worker or no such deployment.

    A run that is stopped while it waits cancels the deployment's run. Raises CrashedRunError when that run's process
    was killed, FoleyGenExError when it was cancelled or fails otherwise, or its worker wrote to another folder than the
    one seen here.
    """
    name = f"{step.name}/{step.name}"
    if not config.gpu_pool or not _is_shared(PREFECT_API_URL.value()):
        return False
    with get_client(sync_client=True) as client:
        reason = _why_not(client, name, config.gpu_pool)
        if reason:
            get_run_logger().info("%s runs here: %s", step.name, reason)
            return False
        title = f"{step.name} of {workspace.root.name}"
        parameters = {"workspace": str(workspace.root), **given}
        run = run_deployment(name, parameters=parameters, timeout=0, flow_run_name=title)
        assert isinstance(run, FlowRun)  # called from a flow that is not async
        announce(f"{step.name} runs on work pool {config.gpu_pool}")
        try:
            waiting = f"{step.name} waits for a worker of pool {config.gpu_pool} that is free"
            state = _end_of(client, run.id, lambda: is_being_run(step.name, workspace), lambda: announce(waiting))
        except BaseException:  # also a cancellation, which comes as a signal
            client.set_flow_run_state(run.id, Cancelling(message="the pipeline run was stopped"), force=True)
            raise
        if state.is_crashed() and _was_cancelled(client, run.id):
            raise FoleyGenExError(f"deployment {name} was cancelled")
    if state.type != StateType.COMPLETED:
        message = f": {state.message}" if state.message else ""
        error = CrashedRunError if state.is_crashed() else FoleyGenExError
        raise error(f"deployment {name} ended as {state.name}{message}"[:1000])
    if not step_state(step, config, workspace).finished:
        raise FoleyGenExError(
            f"deployment {name} completed, but {workspace.path(step.name)} is not finished as seen from here: the "
            f"workers of pool {config.gpu_pool} must see the same folder under the same path, or set gpu_pool to ''"
        )
    return True


def steps_on_pool(config: PipelineConfig) -> set[str]:
    """Returns the names of the stages that `run_on_pool` would run on the work pool now."""
    if not config.gpu_pool or not _is_shared(PREFECT_API_URL.value()):
        return set()
    with get_client(sync_client=True) as client:
        names = [step.name for step in STEPS if step.pool == "gpu"]
        return {name for name in names if not _why_not(client, f"{name}/{name}", config.gpu_pool)}


def _is_shared(url: str | None) -> bool:
    """Whether a server is there for others too. One that the run has started for itself keeps its records where this
    user's other servers do (`PREFECT_HOME`), and so shows their workers, which are not this run's."""
    return bool(url) and not is_own(str(url))


def has_worker(client: SyncPrefectClient, pool: str) -> bool:
    """Whether a worker of the work pool has asked for work lately. Raises ObjectNotFound without such a pool."""
    status = client.read_work_pool(pool).status
    return status is not None and status.value == "READY"


def _end_of(
    client: SyncPrefectClient, run_id: UUID, is_alive: Callable[[], bool], say_waiting: Callable[[], None]
) -> State:
    """Waits for a run's final state; a server that is away for a while is waited for too.

    So is a run that counts as crashed while its process goes on: a server that was away has got no heartbeats. Calls
    `say_waiting` every `SAY_EVERY_S` in which no worker takes the run.
    """
    seen_s = said_s = time.monotonic()
    while True:
        try:
            state = client.read_flow_run(run_id).state
            seen_s = time.monotonic()
        except httpx.TransportError as error:
            state = None
            if time.monotonic() - seen_s > _SERVER_AWAY_S:
                raise FoleyGenExError(
                    f"the Prefect server has been away for {_SERVER_AWAY_S:.0f} s: {error}"
                ) from error
        if state is not None and state.is_final() and not (state.is_crashed() and is_alive()):
            return state
        if state is not None and state.is_scheduled() and time.monotonic() - said_s >= SAY_EVERY_S:
            said_s = time.monotonic()
            say_waiting()
        time.sleep(_LOOK_EVERY_S)


def _was_cancelled(client: SyncPrefectClient, run_id: UUID) -> bool:
    """Whether somebody has cancelled a run. A training that writes its state first counts as crashed for some seconds:
    Prefect learns of the cancellation from the process only while its own handler of SIGTERM is installed."""
    return any(state.is_cancelling() for state in client.read_flow_run_states(run_id))


def _why_not(client: SyncPrefectClient, name: str, pool: str) -> str:
    try:
        client.read_deployment_by_name(name)
        return "" if has_worker(client, pool) else f"work pool {pool!r} has no worker"
    except ObjectNotFound:
        return f"the server has no work pool {pool!r} or no deployment {name}"
