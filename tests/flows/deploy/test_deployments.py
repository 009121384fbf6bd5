"""What an operator has set on a deployment is compared, kept and said; what belongs to the code is replaced."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import (
    ConcurrencyLimitStrategy,
    ConcurrencyOptions,
    DeploymentSchedule,
    GlobalConcurrencyLimit,
)
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.exceptions import ObjectNotFound

from data_contracts import UsageError
from flows.deploy.deployments import deploy, differences
from flows.deploy.shipped import Shipped, ShippedDeployment
from flows.settings import TAG


@flow(name="night")
def night(workspace: str = "w", retries: int = 0) -> None:
    """A flow."""


NIGHTLY = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 3 * * *", timezone="UTC"), active=False, slug="n")
SHIPPED = ShippedDeployment(
    name="nightly",
    entrypoint="flows/night.py:night",
    description="now",
    tags=("foleygenex",),
    work_pool="cpu",
    load=lambda: night,
    job_variables={"env": {"LEVEL": "1"}},
    parameters={"retries": 2},
    schedules=(NIGHTLY,),
    concurrency_limit=1,
)


def on_server(**changed: Any) -> DeploymentResponse:
    """The shipped deployment as a server has it, with an operator's changes."""
    schedule = DeploymentSchedule(id=uuid4(), **NIGHTLY.model_dump(exclude={"replaces"}))
    as_shipped = {
        "id": uuid4(),
        "name": "nightly",
        "flow_id": uuid4(),
        "schedules": [schedule],
        "parameters": {"retries": 2},
        "job_variables": {"env": {"LEVEL": "1"}},
        "global_concurrency_limit": GlobalConcurrencyLimit(name="x", limit=1),
        "work_pool_name": "cpu",
        "tags": ["foleygenex"],
    }
    return DeploymentResponse.model_validate({**as_shipped, **changed})


def schedule(kind: Any, *, active: bool = True, **given: Any) -> DeploymentSchedule:
    return DeploymentSchedule(id=uuid4(), schedule=kind, active=active, **given)


def test_a_deployment_as_it_is_shipped_does_not_differ() -> None:
    assert differences(SHIPPED, on_server()) == []


@pytest.mark.parametrize(
    ("changed", "what", "there", "shipped"),
    [
        ({"schedules": []}, "schedules", "none", "cron 0 3 * * * UTC off"),
        (
            {"schedules": [schedule(IntervalSchedule(interval=timedelta(hours=6)), parameters={"retries": 1})]},
            "schedules",
            'every 6:00:00 UTC on with {"retries": 1}',
            "cron 0 3 * * * UTC off",
        ),
        (
            {"schedules": [schedule(RRuleSchedule(rrule="FREQ=DAILY"), active=False)]},
            "schedules",
            "rrule FREQ=DAILY UTC off",
            "cron 0 3 * * * UTC off",
        ),
        ({"parameters": {"retries": 5}}, "parameter retries", "5", "2"),
        ({"parameters": {"retries": 2, "config": {"workers": 3}}}, "parameter config.workers", "3", "none"),
        ({"parameters": {"retries": 2, "workspace": "x" * 200}}, "parameter workspace", '"' + "x" * 76 + "...", "none"),
        ({"global_concurrency_limit": None}, "concurrency limit", "none", "1"),
        (
            {"concurrency_options": ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)},
            "concurrency limit",
            "1, CANCEL_NEW",
            "1",
        ),
        ({"work_pool_name": "docker"}, "work pool", "docker", "cpu"),
        ({"paused": True}, "state", "paused", "not paused"),
    ],
)
def test_each_setting_of_an_operator_is_found(changed: dict[str, Any], what: str, there: str, shipped: str) -> None:
    assert differences(SHIPPED, on_server(**changed)) == [(what, there, shipped)]


def test_values_of_a_runs_environment_are_not_shown() -> None:
    (found,) = differences(SHIPPED, on_server(job_variables={"env": {"LEVEL": "1", "OPENAI_API_KEY": "sk-secret"}}))
    assert found == ("job variable env.OPENAI_API_KEY", "(not shown)", "(not shown)")


class FakeServer:
    """A client of a server that has one deployment, or none; remembers what is sent."""

    def __init__(self, found: DeploymentResponse | None, pools: tuple[str, ...] = ("cpu",)) -> None:
        self.found, self.pools = found, set(pools)
        self.created: dict[str, Any] = {}
        self.updated: dict[str, Any] = {}
        self.removed: list[Any] = []
        self.others: list[str] = ["nightly"]

    def read_work_pool(self, name: str) -> None:
        if name not in self.pools:
            raise ObjectNotFound(Exception())

    def create_work_pool(self, pool: Any) -> None:
        assert pool.type == "process" and pool.base_job_template["variables"]
        self.pools.add(pool.name)

    def read_deployment_by_name(self, name: str) -> DeploymentResponse:
        assert name == "night/nightly"
        if self.found is None:
            raise ObjectNotFound(Exception())
        return self.found

    def read_deployments(self, deployment_filter: Any) -> list[DeploymentResponse]:
        assert deployment_filter.tags.all_ == [TAG]
        return [on_server(name=name) for name in self.others]

    def create_flow_from_name(self, name: str) -> str:
        return f"flow {name}"

    def create_deployment(self, flow_id: str, name: str, **given: Any) -> None:
        self.created = {"flow": flow_id, "name": name, **given}

    def update_deployment(self, identity: Any, update: Any) -> None:
        self.updated = update.model_dump(exclude_unset=True)

    def delete_deployment_schedule(self, identity: Any, schedule: Any) -> None:
        self.removed.append(schedule)


def run(server: FakeServer, *names: str, reset: bool = False) -> list[str]:
    shipped = Shipped(deployments=(SHIPPED,), pull_steps=[{"step": {}}])
    return list(deploy(server, shipped, names, reset=reset))  # type: ignore[arg-type]


def test_what_is_missing_is_created_as_it_is_shipped() -> None:
    server = FakeServer(None, pools=())
    assert run(server) == ["work pool cpu: created (type process)", "nightly: created"]
    assert server.created.items() >= {
        "flow": "flow night", "name": "nightly", "parameters": {"retries": 2}, "schedules": [NIGHTLY],
        "concurrency_limit": 1, "work_pool_name": "cpu", "pull_steps": [{"step": {}}],
    }.items()  # fmt: skip


def test_an_update_replaces_the_code_and_keeps_what_an_operator_has_set() -> None:
    theirs = {
        "schedules": [],
        "parameters": {"workspace": "/data/run1"},
        "concurrency_limit": 3,
        "work_pool_name": "docker",
        "job_variables": {"env": {"KEY": "sk-secret"}},
        "tags": ["team"],
    }
    server = FakeServer(on_server(**theirs))
    (line,) = run(server)
    assert line.startswith("nightly: kept schedules none (shipped: cron 0 3 * * * UTC off); parameter workspace ")
    assert "sk-secret" not in line and "work pool docker (shipped: cpu)" in line
    assert server.updated.keys().isdisjoint({"schedules", "concurrency_limit", "work_pool_name", "paused"})
    assert (server.updated["entrypoint"], server.updated["description"]) == ("flows/night.py:night", "now")
    assert server.updated["parameters"] == {"workspace": "/data/run1", "retries": 2}  # what is new in this release
    assert server.updated["job_variables"] == {"env": {"KEY": "sk-secret", "LEVEL": "1"}}
    assert server.updated["tags"] == ["team", "foleygenex"] and server.removed == []


def test_a_parameter_that_the_release_does_not_have_is_dropped_and_said() -> None:
    server = FakeServer(on_server(parameters={"retries": 2, "old": 1}))
    assert run(server) == ["nightly: dropped the parameter old, which this release does not have"]
    assert server.updated["parameters"] == {"retries": 2}


def test_reset_takes_the_shipped_settings_and_says_what_was_there() -> None:
    found = on_server(parameters={"retries": 9}, paused=True)
    server = FakeServer(found)
    assert run(server, reset=True) == ["nightly: reset parameter retries 9 (now: 2); state paused (now: not paused)"]
    assert server.removed == [found.schedules[0].id]
    assert server.updated["schedules"][0]["active"] is False and server.updated["parameters"] == {"retries": 2}
    assert (server.updated["concurrency_limit"], server.updated["paused"]) == (1, False)


def test_a_deployment_that_is_no_longer_shipped_is_said_and_left_alone() -> None:
    server = FakeServer(on_server())
    server.others = ["nightly", "old-stage"]
    assert run(server) == ["old-stage: is no longer shipped; its page's menu deletes it"]


def test_unknown_names_are_refused_before_anything_is_sent() -> None:
    server = FakeServer(None, pools=())
    with pytest.raises(UsageError, match=r"no deployment 'pipelin' is shipped; known are nightly"):
        run(server, "pipelin")
    assert server.pools == set() and server.created == {}
