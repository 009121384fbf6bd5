"""What `prefect.yaml` ships: the deployments, as `prefect deploy --all` and `foleygenex deploy` create them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

import yaml
from prefect import Flow
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.utilities.templating import apply_values

from data_contracts import UsageError

PREFECT_FILE: Final = "prefect.yaml"
HOME: Final = "FOLEYGENEX_HOME"
"""The environment variable with the checkout's path on the machine that works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedDeployment:
    """One deployment of `prefect.yaml`. `load` imports its flow."""

    name: str
    entrypoint: str
    description: str
    tags: tuple[str, ...]
    work_pool: str
    load: Callable[[], Flow[..., Any]]
    job_variables: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    schedules: tuple[DeploymentScheduleCreate, ...] = ()
    concurrency_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """The deployments of `prefect.yaml`, and the steps by which a worker finds the code."""

    deployments: tuple[ShippedDeployment, ...]
    pull_steps: list[dict[str, Any]]

    @property
    def work_pools(self) -> tuple[str, ...]:
        """The names of the work pools that the deployments use, in their order."""
        return tuple(dict.fromkeys(one.work_pool for one in self.deployments))


def checkout() -> Path:
    """Returns the folder of the checkout that this package is from. Raises UsageError where it is installed without."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / PREFECT_FILE).is_file():
        raise UsageError(
            f"{folder / PREFECT_FILE} does not exist: workers run the code of a checkout; install the package from one "
            "with `pip install -e .`, and use its command"
        )
    return folder


def read_shipped(folder: Path) -> Shipped:
    """Returns what the checkout in `folder` ships. The pull step's folder is FOLEYGENEX_HOME, by default that one."""
    os.environ.setdefault(HOME, str(folder))
    content = yaml.safe_load((folder / PREFECT_FILE).read_text("utf-8"))
    pull_steps = cast(list[dict[str, Any]], apply_values(content["pull"], {}, remove_notset=False))
    return Shipped(deployments=tuple(map(_deployment, content["deployments"])), pull_steps=pull_steps)


def _deployment(entry: dict[str, Any]) -> ShippedDeployment:
    pool = entry["work_pool"]
    return ShippedDeployment(
        name=entry["name"],
        entrypoint=entry["entrypoint"],
        description=entry["description"],
        tags=tuple(entry["tags"]),
        work_pool=pool["name"],
        load=lambda: _flow(entry["entrypoint"]),
        job_variables=pool.get("job_variables", {}),
        parameters=entry.get("parameters", {}),
        schedules=tuple(map(_schedule, entry.get("schedules", ()))),
        concurrency_limit=entry.get("concurrency_limit"),
    )


def _schedule(entry: dict[str, Any]) -> DeploymentScheduleCreate:
    cron = CronSchedule(cron=entry["cron"], timezone=entry["timezone"])
    return DeploymentScheduleCreate(schedule=cron, active=entry["active"], slug=entry["slug"])


def _flow(entrypoint: str) -> Flow[..., Any]:
    """Returns the flow that an entrypoint such as `flows/stages.py:mine` names."""
    path, _, name = entrypoint.partition(":")
    found: Flow[..., Any] = getattr(import_module(path.removesuffix(".py").replace("/", ".")), name)
    return found
