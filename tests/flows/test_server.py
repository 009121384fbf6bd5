"""Against a real Prefect server: every deployment of prefect.yaml is accepted, and a run's states are recorded."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_contracts import Clip, read_table
from flows.settings import QUIET_TERMINAL, SHIPPED
from flows.stages import STAGE_FLOWS
from tasks.config import PipelineConfig, store
from tasks.engine.workspace import Workspace
from tests.conftest import REPOSITORY

pytestmark = [pytest.mark.server, pytest.mark.slow]
PREFECT = str(Path(sys.executable).with_name("prefect"))


class Server:
    """A running server: its environment for commands, and its API."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        url = f"http://127.0.0.1:{self.port}/api"
        known = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
        self.environment = {
            **known,
            **SHIPPED,
            **QUIET_TERMINAL,
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": url,
            "PREFECT_SERVER_UI_API_URL": url,
            "FOLEYGENEX_HOME": str(REPOSITORY),
        }
        self.url = url

    def api(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Returns the JSON of a GET, or of a POST where there is a body."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def run(self, *command: str) -> str:
        """Runs a command against the server and returns its output."""
        done = subprocess.run(
            command, cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("prefect")
    server = Server(home)
    command = [PREFECT, "server", "start", "--host", "127.0.0.1", "--port", str(server.port)]
    with (home / "server.log").open("w") as log:
        process = subprocess.Popen(command, env=server.environment, stdout=log, stderr=log)
    try:
        _wait(server, process, home)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(server: Server, process: subprocess.Popen[bytes], home: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, (home / "server.log").read_text()
        try:
            if server.api("/health"):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail("the server did not start: " + (home / "server.log").read_text())


def test_prefect_yaml_names_every_flow() -> None:
    deployments = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]
    assert {d["name"] for d in deployments} == {*STAGE_FLOWS, "pipeline", "train-codec", "ablations"}
    pools = {d["name"]: d["work_pool"]["name"] for d in deployments}
    assert {name for name, pool in pools.items() if pool == "gpu"} == {"train", "generate", "train-codec", "ablations"}
    assert all(d["tags"] for d in deployments)


def test_all_deployments_are_accepted(server: Server) -> None:
    for pool in ("cpu", "gpu"):
        server.run(PREFECT, "work-pool", "create", pool, "--type", "process")
    server.run(PREFECT, "--no-prompt", "deploy", "--all")
    found = server.api("/deployments/filter", {})
    assert len(found) == len(STAGE_FLOWS) + 3
    by_name = {deployment["name"]: deployment for deployment in found}
    described = by_name["mine"]["parameter_openapi_schema"]["properties"]
    assert described["workspace"]["description"] and "MineConfig" in json.dumps(described)
    (schedule,) = by_name["pipeline"]["schedules"]
    assert schedule["schedule"]["cron"] == "0 3 * * *" and not schedule["active"]
    assert by_name["train"]["work_pool_name"] == "gpu"


@contextmanager
def worker(server: Server, pool: str, home: Path) -> Iterator[None]:
    """A worker of a pool, which asks for work every second."""
    environment = {**server.environment, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    command = [PREFECT, "worker", "start", "--pool", pool]
    with (home / "worker.log").open("w") as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_a_worker_runs_a_stage_from_its_deployment_with_changed_settings(server: Server, tmp_path: Path) -> None:
    """Needs the pools and deployments of the test above."""
    space = Workspace(tmp_path / "by worker")
    store(PipelineConfig.load(None, ["ingest.corpus.video_clips=2", "shard_size=2"]), space)
    parameters = {"workspace": str(space.root), "changes": ["ingest.corpus.audio_clips=2"]}
    with worker(server, "cpu", tmp_path):
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
    assert "ingest: 6 done (6 now)" in out and "starting Prefect" not in out
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
