"""Against a real Prefect server: every deployment of prefect.yaml is accepted, and a run's states are recorded."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL

from data_contracts import Clip, read_table
from flows.stages import STAGE_FLOWS
from tasks.config import PipelineConfig, store
from tasks.engine.workspace import Workspace
from tests.flows.server import PREFECT, Server, process

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture(scope="module")
def server(prefect_backend: None, tmp_path_factory: pytest.TempPathFactory) -> Server:
    return Server(PREFECT_API_URL.value(), tmp_path_factory.mktemp("prefect"))


@pytest.fixture(scope="module")
def deployed(server: Server) -> Server:
    """The server with the pools and deployments of prefect.yaml, whichever test comes first."""
    for pool in ("cpu", "gpu"):
        server.run(PREFECT, "work-pool", "create", pool, "--type", "process", "--overwrite")
    server.run(PREFECT, "--no-prompt", "deploy", "--all")
    return server


def test_all_deployments_are_accepted(deployed: Server) -> None:
    found = deployed.api("/deployments/filter", {})
    by_name = {deployment["name"]: deployment for deployment in found}
    assert len(found) == len(by_name)
    assert by_name.keys() == {*STAGE_FLOWS, "pipeline", "ablations", "claims", "train-codec", "train-judge"}
    described = by_name["mine"]["parameter_openapi_schema"]["properties"]
    assert described["workspace"]["description"] and "MineConfig" in json.dumps(described)
    (schedule,) = by_name["pipeline"]["schedules"]
    assert schedule["schedule"]["cron"] == "0 3 * * *" and not schedule["active"]
    assert by_name["train"]["work_pool_name"] == "gpu"


def test_a_worker_runs_a_stage_from_its_deployment_with_changed_settings(deployed: Server, tmp_path: Path) -> None:
    server = deployed
    space = Workspace(tmp_path / "by worker")
    store(PipelineConfig.load(None, ["ingest.corpus.video_clips=2", "shard_size=2"]), space)
    parameters = {"workspace": str(space.root), "changes": ["ingest.corpus.audio_clips=2"]}
    asking_often = {**server.environment, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    with process([PREFECT, "worker", "start", "--pool", "cpu"], tmp_path / "worker.log", asking_often):
        command = [PREFECT, "deployment", "run", "ingest/ingest", "--params", json.dumps(parameters), "--watch"]
        out = server.run(*command)
    assert "finished successfully" in out, out + (tmp_path / "worker.log").read_text()
    assert len(read_table(space.table("ingest", Clip.TABLE), Clip)) == 4
    (run,) = server.api("/flow_runs/filter", {"flow_runs": {"name": {"any_": ["ingest of by worker"]}}})
    assert run["state"]["type"] == "COMPLETED" and run["work_pool_name"] == "cpu"


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
    assert {artifact["key"] for artifact in artifacts} == {"ingest-progress", "ingest-summary"}
