"""Where a stage runs: as its own deployment on a work pool that has a worker, else in place."""

from __future__ import annotations

from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_API_URL

from data_contracts import FoleyGenExError
from tasks.pipeline import Step


def run_on_pool(step: Step, workspace: str, pool: str) -> dict[str, Any] | None:
    """Runs a stage as its deployment and waits for it. Returns None when the pool has no worker or no such deployment.

    The workspace must be a folder that the worker sees too. Raises FoleyGenExError when the deployment's run fails.
    """
    name = f"{step.name}/{step.name}"
    if not pool or not PREFECT_API_URL.value():
        return None  # the run has started a server for itself: nobody else can work for it
    with get_client(sync_client=True) as client:
        reason = _why_not(client, name, pool)
    if reason:
        get_run_logger().info("%s runs here: %s", step.name, reason)
        return None
    run = run_deployment(name, parameters={"workspace": workspace})
    state = run.state  # type: ignore[union-attr]
    if state is None or state.type != StateType.COMPLETED:
        raise FoleyGenExError(f"deployment {name} ended as {state.name if state else 'unknown'}; its run has the log")
    return {"stage": step.name, "done": 1, "new": 1, "quarantined": 0}


def _why_not(client: SyncPrefectClient, name: str, pool: str) -> str:
    try:
        found = client.read_work_pool(pool)
        client.read_deployment_by_name(name)
    except ObjectNotFound:
        return f"the server has no work pool {pool!r} or no deployment {name}"
    ready = found.status is not None and found.status.value == "READY"
    return "" if ready else f"work pool {pool!r} has no worker"
