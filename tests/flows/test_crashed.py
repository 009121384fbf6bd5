"""A killed run's record on the server is closed, with the runs below it; one that lives or has ended stays."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import State
from prefect.states import Completed, Pending, Running, Scheduled, Submitting

from flows import crashed
from flows.crashed import close_killed_run, close_killed_runs, close_unstarted_runs
from flows.runs import running_in
from flows.terminal_log import LINES
from tasks.config import PipelineConfig
from tasks.engine.workspace import Workspace, write_json
from tasks.engine.workspace_lock import FOLDER, Holder, acquire

pytestmark = pytest.mark.server


@flow(name="killed")
def killed(workspace: str = "") -> None:
    """A flow."""


@pytest.fixture(scope="module")
def client(prefect_backend: None) -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as found:
        yield found


def holder(run: object) -> Holder:
    return Holder(
        what="pipeline of w", run=str(run), host=socket.gethostname(), pid=4711, since="2026-01-31 03:00:00 UTC"
    )


def leave_behind(folder: Path, run: object) -> None:
    """Writes what a killed run leaves in its workspace."""
    (folder / FOLDER).mkdir(parents=True)
    found = holder(run)
    write_json(folder / FOLDER / "holder.json", {name: getattr(found, name) for name in Holder.__slots__})


def states(client: SyncPrefectClient, *runs: object) -> list[str]:
    return [client.read_flow_run(run).state.name for run in runs]


def test_the_run_and_those_below_it_are_closed_and_what_has_ended_stays(client: SyncPrefectClient) -> None:
    root = client.create_flow_run(killed, name="pipeline of w", state=Running()).id
    task = client.create_task_run(task=killed_task(), flow_run_id=root, dynamic_key="0", state=Running()).id
    done = client.create_flow_run(killed, name="mine of w", parent_task_run_id=task, state=Completed()).id
    below = client.create_flow_run(killed, name="train of w", parent_task_run_id=task, state=Running()).id
    other = client.create_flow_run(killed, name="another", state=Running()).id
    assert sorted(close_killed_run(holder(root))) == ["pipeline of w", "train of w"]
    assert states(client, root, below, done, other) == ["Crashed", "Crashed", "Completed", "Running"]
    assert f"process 4711 on {socket.gethostname()} was killed" in client.read_flow_run(below).state.message
    assert close_killed_run(holder(root)) == []


def killed_task() -> object:
    from prefect import task

    return task(lambda: None, name="subflow")


def test_a_run_of_no_server_or_of_another_is_left_alone(
    client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert close_killed_run(holder("by-hand")) == close_killed_run(holder(uuid4())) == []

    def away(**given: object) -> None:
        import httpx

        raise httpx.ConnectError("refused")

    monkeypatch.setattr(crashed, "get_client", away)
    assert close_killed_run(holder(uuid4())) == []
    assert "pipeline of w was killed; its record on the server stays as it is: refused" in caplog.text


def listen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Returns the lines that a terminal gets; there is no run that has a log."""
    found: list[str] = []
    monkeypatch.setattr(logging.getLogger(LINES), "info", lambda pattern, line: found.append(line))
    return found


def test_the_next_run_in_the_workspace_closes_it_and_says_so(
    client: SyncPrefectClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = listen(monkeypatch)
    run = client.create_flow_run(killed, name="train of w", state=Running()).id
    leave_behind(tmp_path, run)
    with running_in(Workspace(tmp_path), "pipeline of w", PipelineConfig):
        pass
    assert states(client, run) == ["Crashed"]
    assert said == ["train of w was killed: marked Crashed, this run continues its work"]


def test_all_killed_runs_of_this_machines_workspaces_are_found_by_their_parameters(
    client: SyncPrefectClient, tmp_path: Path
) -> None:
    def run(folder: Path, **parameters: object) -> object:
        return client.create_flow_run(killed, name=folder.name, parameters=parameters, state=Running()).id

    dead, of_config, alive, gone = (tmp_path / name for name in ("dead", "config", "alive", "gone"))
    first = run(dead, workspace=str(dead))
    second = run(of_config, workspace="", config={"workspace": str(of_config)})
    third, fourth = run(alive, workspace=str(alive)), run(gone, workspace=str(gone))
    leave_behind(dead, first)
    leave_behind(of_config, second)
    with acquire(alive, "train of w", run=str(third)):
        assert sorted(close_killed_runs(client)) == ["config", "dead"]
    assert states(client, first, second, third, fourth) == ["Crashed", "Crashed", "Running", "Running"]


def test_runs_that_an_ended_worker_took_and_did_not_start_are_closed(client: SyncPrefectClient) -> None:
    for pool in ("mine", "theirs"):
        client.create_work_pool(WorkPoolCreate(name=pool, type="process"))

    def run(pool: str, state: State) -> UUID:
        return client.create_flow_run(killed, name=f"{state.name} of {pool}", work_pool_name=pool, state=state).id

    taken, submitted = run("mine", Pending()), run("mine", Submitting())
    running, scheduled, other = run("mine", Running()), run("mine", Scheduled()), run("theirs", Pending())
    started = datetime.now(UTC)
    later = run("mine", Pending())  # by the worker that runs now
    assert sorted(close_unstarted_runs(client, "mine", started)) == ["Pending of mine", "Submitting of mine"]
    assert states(client, taken, submitted, running) == ["Crashed", "Crashed", "Running"]
    assert states(client, scheduled, other, later) == ["Scheduled", "Pending", "Pending"]
    assert client.read_flow_run(taken).state.message == "the worker that took it ended before it started it"
