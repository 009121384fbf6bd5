"""Processes that were started are found and stopped again, and no other is touched."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from data_contracts import UsageError
from flows.up.processes import Records, Started, _alive_after, started_s, state_folder, stop

CHILD = (
    "import subprocess, sys; print('up', flush=True); subprocess.run([sys.executable, '-c', 'input()'], check=False)"
)
SLEEP = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"


def start(folder: Path, code: str, name: str = "one") -> Started:
    return Started.start(name, [sys.executable, "-c", code], folder, dict(os.environ), folder)


def wait_for_output(started: Started) -> None:
    while not started.last_line():
        assert started.process() is not None


def test_a_process_outlives_its_command_in_a_session_of_its_own_and_is_stopped(tmp_path: Path) -> None:
    started = start(tmp_path, SLEEP)
    assert started.process() is not None and os.getsid(started.pid) == started.pid != os.getsid(0)
    assert stop(started) and started.process() is None
    assert stop(started) is False


def test_what_it_has_started_ends_with_it(tmp_path: Path) -> None:
    started = start(tmp_path, CHILD.replace("input()", SLEEP.replace("'", '"')))
    wait_for_output(started)
    process = started.process()
    assert process is not None
    while not (children := process.children()):
        assert process.is_running()
    assert stop(started)
    ended = [not child.is_running() or child.status() == psutil.STATUS_ZOMBIE for child in children]
    assert all(ended)


def test_a_run_ends_in_good_order_before_its_worker_is_told(tmp_path: Path) -> None:
    """As a Prefect worker does: told to stop, it kills what it runs."""
    written = tmp_path / "state"
    run = (
        "import signal, sys, time\n"
        f"def write(*_): time.sleep(0.3); open({str(written)!r}, 'w').close(); sys.exit()\n"
        "signal.signal(signal.SIGTERM, write); print('running', flush=True); time.sleep(600)\n"
    )
    worker = (
        "import signal, subprocess, sys, time\n"
        f"run = subprocess.Popen([sys.executable, '-c', {run!r}])\n"
        "signal.signal(signal.SIGTERM, lambda *_: (run.kill(), sys.exit())); run.wait(); time.sleep(600)\n"
    )
    started = start(tmp_path, worker)
    wait_for_output(started)
    assert stop(started) and started.process() is None
    assert written.exists()


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    started = start(tmp_path, DEAF)
    wait_for_output(started)
    assert stop(started, stop_s=0.2) and started.process() is None
    above = start(tmp_path, CHILD.replace("input()", DEAF.replace("'", '"').replace("deaf", "child")), "above")
    while above.last_line() != "child":
        assert above.process() is not None
    assert stop(above, children_stop_s=0.2) and above.process() is None


def test_an_ended_process_that_nobody_waits_for_is_not_waited_for(tmp_path: Path) -> None:
    started = start(tmp_path, "pass")  # its parent, this test, does not wait for it
    process = psutil.Process(started.pid)
    while process.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert started.process() is None and _alive_after([process], 60) == []


def test_another_program_with_the_same_id_is_not_touched(tmp_path: Path) -> None:
    me = psutil.Process()
    recorded = Started(name="server", pid=me.pid, start_s=started_s(me) - 3600, log="")
    assert recorded.process() is None and stop(recorded) is False
    assert replace(recorded, start_s=started_s(me)).process() is not None


def test_a_process_is_known_again_after_the_clock_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    me = psutil.Process()
    recorded = Started(name="server", pid=me.pid, start_s=started_s(me), log="")
    boot_time, create_time = psutil.boot_time, psutil.Process.create_time  # both move with the clock
    monkeypatch.setattr(psutil, "boot_time", lambda: boot_time() + 3600.25)
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: create_time(process) + 3600.25)
    assert recorded.process() is not None


def test_the_last_line_of_its_output_says_why_it_ended(tmp_path: Path) -> None:
    started = start(tmp_path, "print('first'); raise SystemExit('no such pool')")
    psutil.wait_procs([psutil.Process(started.pid)], timeout=60)
    assert started.process() is None and started.last_line() == "no such pool"
    assert replace(started, log=str(tmp_path / "none")).last_line() == ""


def test_records_are_read_as_they_were_written(tmp_path: Path) -> None:
    records = Records(tmp_path / "processes.json")
    assert records.read() == (None, [])
    one = Started(name="server", pid=1, start_s=2.5, log="x")
    records.write(4200, [one])
    assert records.read() == (4200, [one])
    for content in ("{}", "[]", "{"):
        records.path.write_text(content)
        with pytest.raises(UsageError, match=r"processes.json .* stop Prefect's processes by hand and remove the file"):
            records.read()
    records.remove()
    records.remove()
    assert records.read() == (None, [])


def test_the_folder_of_records_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = state_folder()
    assert folder == tmp_path / "foleygenex" / "up" and folder.stat().st_mode & 0o777 == 0o700
