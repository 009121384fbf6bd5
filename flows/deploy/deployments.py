"""Creates and updates work pools and deployments on a Prefect server; what an operator has set there is kept.

`prefect deploy --all` replaces the schedules, parameters and limits on the server by those of `prefect.yaml`. Here only
what belongs to the code is replaced: the entrypoint, the form, the description, where the code is found.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import (
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
    DeploymentUpdate,
    WorkPoolCreate,
)
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.exceptions import ObjectNotFound
from prefect.utilities.callables import parameter_schema
from prefect.workers.process import ProcessWorker

from data_contracts import UsageError
from flows.deploy.shipped import Shipped, ShippedDeployment
from flows.settings import TAG

_SHOWN: Final = 80  # characters of a value in a line
_JOB_VARIABLE: Final = "job variable "
_HIDDEN: Final = ("(not shown)", "(not shown)")  # the environment of a run may have keys of services


def deploy(
    client: SyncPrefectClient, shipped: Shipped, names: Sequence[str] = (), *, reset: bool = False
) -> Iterator[str]:
    """Creates what is missing and updates the rest; yields a line per pool or deployment that is new or differs.

    `names` are the deployments to look at, by default all. With `reset` the shipped schedules, parameters, limits, pool
    and job variables replace those on the server. Raises UsageError for a name that is not shipped.
    """
    chosen = _chosen(shipped, names)
    for pool in dict.fromkeys(one.work_pool for one in chosen):
        if _create_pool(client, pool):
            yield f"work pool {pool}: created (type process)"
    for one in chosen:
        yield from _deploy_one(client, one, shipped.pull_steps, reset=reset)
    known = {one.name for one in shipped.deployments}
    for name in _of_this_project(client) - known:
        yield f"{name}: is no longer shipped; its page's menu deletes it"


def _chosen(shipped: Shipped, names: Sequence[str]) -> list[ShippedDeployment]:
    known = [one.name for one in shipped.deployments]
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"no deployment {unknown[0]!r} is shipped; known are {', '.join(known)}")
    return [one for one in shipped.deployments if not names or one.name in names]


def _of_this_project(client: SyncPrefectClient) -> set[str]:
    filtered = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    return {found.name for found in client.read_deployments(deployment_filter=filtered)}


def _create_pool(client: SyncPrefectClient, name: str) -> bool:
    """Creates a work pool unless there is one of that name, whatever its type. Returns whether it was created."""
    try:
        client.read_work_pool(name)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(WorkPoolCreate(name=name, type=ProcessWorker.type, base_job_template=template))
        return True
    return False


def _deploy_one(
    client: SyncPrefectClient, shipped: ShippedDeployment, pull_steps: list[dict[str, Any]], *, reset: bool
) -> Iterator[str]:
    flow = shipped.load()
    schema = parameter_schema(flow).model_dump(exclude_unset=True)
    of_the_code: dict[str, Any] = {
        "entrypoint": shipped.entrypoint,
        "description": shipped.description,
        "pull_steps": pull_steps,
        "parameter_openapi_schema": schema,
        "enforce_parameter_schema": True,
    }
    try:
        found = client.read_deployment_by_name(f"{flow.name}/{shipped.name}")
    except ObjectNotFound:
        client.create_deployment(
            client.create_flow_from_name(flow.name),
            shipped.name,
            **of_the_code,
            tags=list(shipped.tags),
            work_pool_name=shipped.work_pool,
            job_variables=shipped.job_variables,
            parameters=shipped.parameters,
            schedules=list(shipped.schedules),
            concurrency_limit=shipped.concurrency_limit,
        )
        yield f"{shipped.name}: created"
        return
    if reset:
        values = _shipped_values(client, shipped, found)
    else:
        values, dropped = _kept_values(shipped, found, schema.get("properties", {}))
        for name in dropped:
            yield f"{shipped.name}: dropped the parameter {name}, which this release does not have"
        found = found.model_copy(update={"parameters": values["parameters"]})
    client.update_deployment(found.id, DeploymentUpdate(**of_the_code, **values))
    verb, other = ("reset", "now") if reset else ("kept", "shipped")
    if differing := differences(shipped, found):
        yield f"{shipped.name}: {verb} " + "; ".join(f"{what} {old} ({other}: {new})" for what, old, new in differing)


def _shipped_values(client: SyncPrefectClient, shipped: ShippedDeployment, found: DeploymentResponse) -> dict[str, Any]:
    """Returns what replaces an operator's settings. Removes the schedules on the server: an update adds."""
    for schedule in found.schedules:
        client.delete_deployment_schedule(found.id, schedule.id)
    return {
        "schedules": [DeploymentScheduleUpdate(**one.model_dump(exclude_unset=True)) for one in shipped.schedules],
        "parameters": shipped.parameters,
        "concurrency_limit": shipped.concurrency_limit,
        "concurrency_options": None,
        "work_pool_name": shipped.work_pool,
        "job_variables": shipped.job_variables,
        "paused": False,
        "tags": list(shipped.tags),
    }


def _kept_values(
    shipped: ShippedDeployment, found: DeploymentResponse, known: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Returns an operator's settings, with what this release ships in addition, and the parameters that it dropped."""
    parameters = {**shipped.parameters, **found.parameters}
    values = {
        "parameters": {name: value for name, value in parameters.items() if name in known},
        "job_variables": _merged(shipped.job_variables, found.job_variables),
        "tags": list(dict.fromkeys([*found.tags, *shipped.tags])),
    }
    return values, [name for name in parameters if name not in known]


def differences(shipped: ShippedDeployment, found: DeploymentResponse) -> list[tuple[str, str, str]]:
    """Returns what an operator has set on the server otherwise than it is shipped: what, on the server, shipped."""
    limit = found.global_concurrency_limit.limit if found.global_concurrency_limit else None
    strategy = found.concurrency_options.collision_strategy.value if found.concurrency_options else "ENQUEUE"
    on_server = {
        "schedules": _schedules_text(found.schedules),
        **_flat("parameter ", found.parameters),
        "concurrency limit": _limit_text(limit, strategy),
        "work pool": found.work_pool_name or "none",
        **_flat(_JOB_VARIABLE, found.job_variables),
        "state": "paused" if found.paused else "not paused",
    }
    in_file = {
        "schedules": _schedules_text(shipped.schedules),
        **_flat("parameter ", shipped.parameters),
        "concurrency limit": _limit_text(shipped.concurrency_limit, "ENQUEUE"),
        "work pool": shipped.work_pool,
        **_flat(_JOB_VARIABLE, shipped.job_variables),
        "state": "not paused",
    }
    differing = [
        (what, text, in_file.get(what, "none")) for what, text in on_server.items() if in_file.get(what) != text
    ]
    return [(what, *(_HIDDEN if what.startswith(_JOB_VARIABLE) else texts)) for what, *texts in differing]


def _limit_text(limit: int | None, strategy: str) -> str:
    if limit is None:
        return "none"
    return str(limit) if strategy == "ENQUEUE" else f"{limit}, {strategy}"


def _schedules_text(schedules: Sequence[DeploymentSchedule] | Sequence[DeploymentScheduleCreate]) -> str:
    return ", ".join(sorted(map(_schedule_text, schedules))) or "none"


def _schedule_text(one: DeploymentSchedule | DeploymentScheduleCreate) -> str:
    schedule = one.schedule
    if isinstance(schedule, CronSchedule):
        when = f"cron {schedule.cron}"
    elif isinstance(schedule, IntervalSchedule):
        when = f"every {schedule.interval}"
    elif isinstance(schedule, RRuleSchedule):
        when = f"rrule {schedule.rrule}"
    else:
        return "none"
    given = f" with {_json(one.parameters)}" if one.parameters else ""
    return f"{_shortened(when)} {schedule.timezone or 'UTC'} {'on' if one.active else 'off'}{given}"


def _flat(prefix: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Returns nested values as JSON, each under its path after the prefix: `parameter config.workers`."""
    found: dict[str, str] = {}
    for name, value in values.items():
        nested = isinstance(value, Mapping) and value
        found |= _flat(f"{prefix}{name}.", value) if nested else {f"{prefix}{name}": _json(value)}
    return found


def _json(value: Any) -> str:
    return _shortened(json.dumps(value, ensure_ascii=True, default=str))


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _merged(shipped: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Returns both, group by group; what is found wins."""
    merged = {**shipped, **found}
    for name in shipped.keys() & found.keys():
        if isinstance(shipped[name], Mapping) and isinstance(found[name], Mapping):
            merged[name] = _merged(shipped[name], found[name])
    return merged
