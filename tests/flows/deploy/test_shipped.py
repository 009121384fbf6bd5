"""prefect.yaml as the project reads it: the same deployments that `prefect deploy --all` sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts import UsageError
from flows.deploy import shipped
from flows.deploy.shipped import HOME, checkout, read_shipped
from flows.settings import TAG
from flows.stages import STAGE_FLOWS
from tasks.pipeline import STEPS
from tests.conftest import REPOSITORY


def test_there_is_a_deployment_per_stage_on_its_pool_with_its_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(HOME, raising=False)
    found = read_shipped(checkout())
    by_name = {one.name: one for one in found.deployments}
    assert by_name.keys() > {*STAGE_FLOWS, "pipeline", "ablations", "claims", "train-codec"}
    for step in STEPS:
        one = by_name[step.name]
        assert (one.work_pool, one.description, one.tags) == (step.pool, step.description, (TAG, *step.tags))
        assert one.load() is STAGE_FLOWS[step.name]
    assert found.work_pools == ("cpu", "gpu")
    assert found.pull_steps == [{"prefect.deployments.steps.set_working_directory": {"directory": str(REPOSITORY)}}]
    assert all(TAG in one.tags and one.load().name == one.name for one in found.deployments)


def test_parameters_limits_and_schedules_are_those_of_the_file() -> None:
    pipeline = read_shipped(checkout()).deployments[0]
    (schedule,) = pipeline.schedules
    assert (schedule.schedule.cron, schedule.active, schedule.slug) == ("0 3 * * *", False, "nightly")
    assert pipeline.concurrency_limit == 1
    assert pipeline.parameters.keys() <= pipeline.load().parameters.properties.keys()
    assert pipeline.job_variables["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"] == "30"


def test_the_checkout_on_the_machine_that_works_may_be_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOME, "/opt/foleygenex")
    (step,) = read_shipped(checkout()).pull_steps
    assert list(step.values()) == [{"directory": "/opt/foleygenex"}]


def test_a_package_without_its_checkout_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "flows" / "deploy" / "shipped.py"))
    with pytest.raises(UsageError, match=r"prefect.yaml does not exist: .* `pip install -e .`"):
        checkout()
