"""What `up` starts and waits for, and what it undoes; with small programs in the place of Prefect's."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from data_contracts import ServiceError, UsageError
from flows import cli
from flows.up import processes, services
from flows.up.processes import Records, Started
from flows.up.services import down, up
from tasks.engine.locks import exclusive

SLEEP = "import time; time.sleep(600)"


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Machine:
    """Prefect's programs as small ones: which were started, how, and whether they answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "foleygenex" / "up"
        self.code: dict[str, str] = {}
        self.commands: dict[str, list[str]] = {}
        self.environments: dict[str, dict[str, str]] = {}
        self.said: list[str] = []

    def start(self, name: str, command: list[str], folder: Path, environment: dict[str, str], cwd: Path) -> Started:
        self.commands[name], self.environments[name] = command[3:], environment
        code = [sys.executable, "-c", self.code.get(name, SLEEP)]
        return ORIGINAL(name, code, folder, environment, cwd)

    @property
    def records(self) -> list[Started]:
        return Records(self.folder / "processes.json").read()[1]


ORIGINAL = Started.start


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere/api")
    found = Machine(tmp_path)

    @contextmanager
    def client(url: str) -> Iterator[str]:
        yield url

    monkeypatch.setattr(processes.Started, "start", found.start)
    monkeypatch.setattr(services, "answers", lambda url: True)
    monkeypatch.setattr("flows.deploy.install.install", lambda url, say: [f"deployed to {url}"])
    monkeypatch.setattr("flows.deploy.install.client_of", client)
    monkeypatch.setattr("flows.placement.has_worker", lambda client, pool: True)
    monkeypatch.setattr("flows.crashed.close_killed_runs", lambda client: ["train of w"])
    monkeypatch.setattr("flows.crashed.close_unstarted_runs", lambda client, pool, _: [f"run of {pool}"])
    yield found
    down(found.said.append)


def test_server_deployments_and_workers_are_started_in_order(machine: Machine, port: int) -> None:
    said: list[str] = []
    assert up(port, said.append, pytest.fail) == f"http://127.0.0.1:{port}/api"
    assert [one.name for one in machine.records] == ["server", "worker-cpu", "worker-gpu"]
    assert machine.commands["server"] == ["server", "start", "--host", "127.0.0.1", "--port", str(port)]
    assert machine.commands["worker-gpu"] == ["worker", "start", "--pool", "gpu", "--limit", "1"]
    url = f"http://127.0.0.1:{port}/api"
    assert machine.environments["server"]["PREFECT_SERVER_UI_API_URL"] == url
    assert "PREFECT_API_URL" not in machine.environments["server"]
    assert machine.environments["worker-cpu"]["PREFECT_API_URL"] == url
    assert Path(machine.environments["worker-cpu"]["FOLEYGENEX_HOME"], "prefect.yaml").is_file()
    assert said[1] == f"deployed to {url}" and said[4] == "train of w: was killed, marked Crashed"
    assert said[5] == "run of cpu: was taken and not started, marked Crashed"
    assert [line.split(":")[0] for line in said] == [
        "server",
        "deployed to http",
        "worker-cpu",
        "worker-gpu",
        "train of w",
        "run of cpu",
        "run of gpu",
    ]


def test_again_only_what_is_missing_is_started(machine: Machine, port: int) -> None:
    up(port, machine.said.append, pytest.fail)
    before = {one.name: one for one in machine.records}
    processes.stop(before["worker-cpu"])
    said: list[str] = []
    up(None, said.append, pytest.fail)
    after = {one.name: one for one in machine.records}
    assert (after["server"], after["worker-gpu"]) == (before["server"], before["worker-gpu"])
    assert after["worker-cpu"] != before["worker-cpu"] and after["worker-cpu"].process()
    assert said[0] == f"server: runs already (process {before['server'].pid})"
    assert said[-1] == "run of cpu: was taken and not started, marked Crashed"  # the other pool's worker lives
    with pytest.raises(UsageError, match=f"the server runs on port {port} already; `foleygenex down` stops it"):
        up(port + 1, said.append, pytest.fail)


def test_down_stops_what_was_started_and_says_so(machine: Machine, port: int) -> None:
    up(port, machine.said.append, pytest.fail)
    started = machine.records
    said: list[str] = []
    down(said.append)
    assert [line.split(":")[0] for line in said] == ["worker-gpu", "worker-cpu", "server"]
    assert not any(one.process() for one in started) and machine.records == []
    down(said.append)
    assert said[-1] == "nothing runs that `foleygenex up` has started"


@pytest.mark.parametrize("failing", ["server", "worker-gpu"])
def test_one_that_ends_is_named_with_its_last_line_and_the_rest_is_stopped(
    failing: str, machine: Machine, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.code[failing] = "raise SystemExit('address already in use')"
    monkeypatch.setattr(services, "answers", lambda url: failing != "server")
    monkeypatch.setattr("flows.placement.has_worker", lambda client, pool: pool != "gpu")
    with pytest.raises(ServiceError, match=rf"{failing} has ended: address already in use .*{failing}\.log"):
        up(port, machine.said.append, pytest.fail)
    assert machine.records == []


def test_a_server_that_does_not_answer_is_waited_for_in_bounded_time(
    machine: Machine, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "answers", lambda url: False)
    with pytest.raises(ServiceError, match="waited 0 s for the Prefect server, without an answer"):
        up(port, machine.said.append, machine.said.append, timeout_s=0.3)
    assert machine.records == []


def test_a_taken_port_is_one_line(
    machine: Machine, port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert cli.exit_code(["up", "--port", str(port)]) == 2
        found = f"port {port} cannot be used: a Prefect server answers there; `foleygenex deploy --server"
        assert found in capsys.readouterr().err
        monkeypatch.setattr(services, "answers", lambda url: False)
        with pytest.raises(
            UsageError, match=rf"port {port} cannot be used: .*; `foleygenex up --port N` takes another"
        ):
            up(port, machine.said.append, pytest.fail)
    assert machine.commands == {}


def test_two_at_once_are_refused(machine: Machine, port: int) -> None:
    machine.folder.mkdir(parents=True)
    with exclusive(machine.folder / "lock"), pytest.raises(UsageError, match="another `foleygenex up` or `down`"):
        up(port, machine.said.append, pytest.fail)


def test_the_commands_say_what_to_do_next(
    machine: Machine, port: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.exit_code(["up", "--port", str(port)]) == 0
    out = capsys.readouterr().out
    assert out.endswith(f"for the commands of this shell: export PREFECT_API_URL=http://127.0.0.1:{port}/api\n")
    assert cli.exit_code(["down"]) == 0
    assert "server: stopped (process" in capsys.readouterr().out
