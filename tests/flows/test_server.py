"""Against a real Prefect server: every deployment of prefect.yaml is accepted, and a run's states are recorded."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL

from data_contracts import Augmented, write_table
from flows.deploy.install import install
from flows.deploy.shipped import checkout, read_shipped
from flows.stages import STAGE_FLOWS
from tasks.engine.workspace import Workspace
from tests.flows.server import PREFECT, Server
from tests.tasks.llm.fake_server import fake_server
from tests.tasks.recaption.test_quality import KEY, ROWS, good, hello

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(prefect_backend: None, tmp_path_factory: pytest.TempPathFactory) -> Server:
    return Server(PREFECT_API_URL.value(), tmp_path_factory.mktemp("prefect"))


def test_deployments_are_accepted_also_by_prefects_own_command(server: Server) -> None:
    made = install(server.url, pytest.fail)
    assert "work pool gpu: created (type process)" in made and "mine: created" in made
    assert install(server.url, pytest.fail) == []
    server.run(PREFECT, "--no-prompt", "deploy", "--all")
    assert install(server.url, pytest.fail) == []  # the same deployments
    found = server.api("/deployments/filter", {})
    by_name = {deployment["name"]: deployment for deployment in found}
    assert len(found) == len(by_name)
    assert by_name.keys() == {one.name for one in read_shipped(checkout()).deployments} > STAGE_FLOWS.keys()
    described = by_name["mine"]["parameter_openapi_schema"]["properties"]
    assert described["workspace"]["description"] and "MineConfig" in json.dumps(described)
    (schedule,) = by_name["pipeline"]["schedules"]
    assert schedule["schedule"]["cron"] == "0 3 * * *" and not schedule["active"]
    assert by_name["train"]["work_pool_name"] == "gpu"


def test_a_stage_run_is_recorded_with_its_shards_and_artifacts(server: Server, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("ingest: {corpus: {video_clips: 2, audio_clips: 4}}\nshard_size: 3\n")
    out = server.run(sys.executable, "-m", "flows", "run", "ingest", str(config), "--workspace", str(tmp_path / "w"))
    assert "ingest: 6 of 6 items done (6 now)" in out and "starting Prefect" not in out
    (run,) = server.api("/flow_runs/filter", {"flow_runs": {"name": {"any_": ["ingest of w"]}}})
    assert run["state"]["type"] == "COMPLETED"
    for _ in range(60):
        tasks = server.api("/task_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
        if [task["state"]["type"] for task in tasks] == ["COMPLETED"] * 2:
            break
        time.sleep(0.5)
    assert run["name"] == "ingest of w"
    assert sorted(task["name"] for task in tasks) == ["ingest 1 of 2, 3 items", "ingest 2 of 2, 3 items"]
    artifacts = server.api("/artifacts/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    assert {artifact["key"] for artifact in artifacts} == {"w-ingest-progress", "w-ingest-summary"}


def test_an_endpoint_that_turns_to_garbage_half_way_fails_the_run_with_its_numbers(
    server: Server, tmp_path: Path
) -> None:
    write_table(Workspace(tmp_path / "half").table("augment", "augmented"), Augmented, ROWS)
    config = tmp_path / "c.yaml"
    config.write_text(
        "ingest: {corpus: {kind: builtin}}\n"
        "llm: {backend: endpoint, model: m, max_retries: 0, repair_rounds: 0, parser: none, concurrency: 1}\n"
    )
    command = (sys.executable, "-m", "flows", "run", "recaption", str(config), "--workspace", str(tmp_path / "half"))
    with fake_server(lambda request, number: good(request) if number <= 15 else hello(request)) as endpoint:
        out = server.run(*command, code=1, OPENAI_BASE_URL=endpoint.url, OPENAI_API_KEY=KEY)
    said = "15 of 30 written by rules in the model's place (50 %), llm.accept_rules is 0.4"
    assert said in out and "--set llm.accept_rules=0.5" in out and KEY not in out
    (run,) = server.api("/flow_runs/filter", {"flow_runs": {"name": {"any_": ["recaption of half"]}}})
    assert run["state"]["type"] == "FAILED" and said in run["state"]["message"]
    (page,) = server.api("/artifacts/filter", {"artifacts": {"key": {"any_": ["half-recaption-summary"]}}})
    assert "past its quality limit" in page["data"] and "15 of 30" in page["data"]
