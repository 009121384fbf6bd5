"""A worker in the foreground: told to stop, it lets its runs end before Prefect's worker would kill them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from data_contracts import ServiceError
from flows import cli
from flows.up import worker
from flows.up.worker import run_until_signal, worker_command
from tests.conftest import REPOSITORY

RUN = """
import signal, sys, time
def write(*_):
    time.sleep(0.5)
    open(sys.argv[1], "w").close()
    sys.exit()
signal.signal(signal.SIGTERM, write)
print("running", flush=True)
time.sleep(600)
"""
PREFECT_WORKER = """
import signal, subprocess, sys, time
run = subprocess.Popen([sys.executable, "-c", sys.argv[2], sys.argv[1]])
signal.signal(signal.SIGTERM, lambda *_: (run.kill(), sys.exit()))  # as Prefect's does
run.wait()
time.sleep(600)
"""
COMMAND = """
import os, sys
from flows.termination import end_on_signals
from flows.up.worker import run_until_signal
end_on_signals(interrupt_grace_s=0.1, termination_grace_s=0.1)
run_until_signal([sys.executable, "-c", *sys.argv[1:]], os.environ, lambda line: print(line, flush=True))
"""


class FakePools:
    """Stands for Prefect's client of a server with some work pools."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def read_work_pool(self, name: str) -> None:
        from prefect.exceptions import ObjectNotFound

        if name not in self.names:
            raise ObjectNotFound(LookupError(name))

    def read_work_pools(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name=name) for name in self.names]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_its_runs_end_in_good_order_first(number: signal.Signals, tmp_path: Path) -> None:
    written = tmp_path / "state"
    command = [sys.executable, "-c", COMMAND, PREFECT_WORKER, str(written), RUN]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "running\n"
        process.send_signal(number)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and written.exists()
    assert out == "stopping: its runs end first, within 1 min; a training writes its state\n"


def test_one_that_ends_by_itself_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(signal, "set_wakeup_fd", lambda *_: -1)
    with pytest.raises(ServiceError, match="the worker has ended with code 3; its output says why"):
        run_until_signal([sys.executable, "-c", "raise SystemExit(3)"], os.environ, pytest.fail)


def test_the_gpus_worker_takes_one_run_at_a_time_unless_told_otherwise() -> None:
    start = ["worker", "start", "--pool"]
    assert worker_command("cpu") == [*start, "cpu"]
    assert worker_command("gpu") == [*start, "gpu", "--limit", "1"]
    assert worker_command("cpu", 3) == [*start, "cpu", "--limit", "3"]
    assert worker_command("gpu", 2) == [*start, "gpu", "--limit", "2"]


def test_the_command_runs_prefects_worker_for_the_server_that_is_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ran: list[list[str]] = []
    asked: list[str] = []
    monkeypatch.setattr(worker, "run_until_signal", lambda command, environment, say: ran.append(command))
    monkeypatch.setattr(worker, "require_server", lambda url, say: asked.append(url))
    monkeypatch.setattr(worker, "client_of", lambda url: nullcontext(FakePools("cpu", "gpu")))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert cli.exit_code(["worker", "gpu", "--limit", "4"]) == 0
    assert ran == [[sys.executable, "-m", "prefect", "worker", "start", "--pool", "gpu", "--limit", "4"]]
    assert asked == ["http://127.0.0.1:9/api"]
    monkeypatch.delenv("PREFECT_API_URL")
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(tmp_path / "none"))
    assert cli.exit_code(["worker", "gpu"]) == 2 and len(ran) == 1
    assert "no Prefect server is set" in capsys.readouterr().err


@pytest.mark.parametrize(("pools", "known"), [(("gpu", "cpu"), "cpu, gpu"), ((), "none")])
def test_a_pool_that_the_server_lacks_is_refused_where_prefect_would_make_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pools: tuple[str, ...], known: str
) -> None:
    monkeypatch.setattr(worker, "run_until_signal", lambda *_: pytest.fail("a worker was started"))
    monkeypatch.setattr(worker, "require_server", lambda url, say: None)
    monkeypatch.setattr(worker, "client_of", lambda url: nullcontext(FakePools(*pools)))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert cli.exit_code(["worker", "gqu"]) == 2
    assert f"the server has no work pool 'gqu'; its pools: {known}; `foleygenex deploy`" in capsys.readouterr().err
