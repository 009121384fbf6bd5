"""The workspace lock: one run at a time, the processes of one run together, and a killed process locks nothing."""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_contracts import UsageError
from tasks.engine import workspace_lock
from tasks.engine.workspace_lock import FOLDER, STALE_AFTER_S, Holder, acquire, holder_of, in_use
from tests.conftest import REPOSITORY

USING = (
    "import sys, time; from pathlib import Path; from tasks.engine.workspace_lock import acquire\n"
    "with acquire(Path(sys.argv[1]), 'night run', run=sys.argv[2]):\n    print('in', flush=True); time.sleep(60)\n"
)


def enter(folder: Path, what: str) -> None:
    with acquire(folder, what):
        pytest.fail("two runs use one workspace")


def other_process(folder: Path, run: str = "night") -> subprocess.Popen[str]:
    """Starts a process that uses the workspace, and returns when it does."""
    command = [sys.executable, "-c", USING, str(folder), run]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "in\n"
    return process


def on_another_machine(folder: Path, *, silent_s: float) -> None:
    """Leaves what a run on a machine that does not share locks would have written `silent_s` ago."""
    holder = dataclasses.replace(Holder.this_process("night run", "night"), host="node7", pid=4711)
    (folder / FOLDER).mkdir(parents=True)
    path = folder / FOLDER / "holder.json"
    path.write_text(json.dumps(dataclasses.asdict(holder)))
    os.utime(path, (time.time() - silent_s,) * 2)


def test_another_run_is_refused_and_told_who_uses_it_and_what_to_do(tmp_path: Path) -> None:
    with acquire(tmp_path, "pipeline of w"):
        with pytest.raises(
            UsageError, match=rf"in use by pipeline of w \(process {os.getpid()} on .*since 20"
        ) as caught:
            enter(tmp_path, "mine of w")
        assert f"`kill {os.getpid()}`" in str(caught.value) and "\n" not in str(caught.value)
    assert holder_of(tmp_path) is None
    with acquire(tmp_path, "mine of w"):
        pass


def test_the_processes_of_one_run_share_it_and_the_last_one_out_frees_it(tmp_path: Path) -> None:
    parent = other_process(tmp_path, "night")
    child = other_process(tmp_path, "night")
    parent.kill()
    parent.wait()
    try:
        assert holder_of(tmp_path) is not None
        with pytest.raises(
            UsageError, match=f"process {parent.pid} .*has ended, but a stage that it gave to a work pool"
        ):
            enter(tmp_path, "mine")
    finally:
        child.kill()
        child.wait()
    with acquire(tmp_path, "mine"):
        pass


def test_a_killed_process_locks_nothing(tmp_path: Path) -> None:
    process = other_process(tmp_path)
    with pytest.raises(UsageError, match=f"process {process.pid} "):
        enter(tmp_path, "mine")
    assert in_use(tmp_path) is not None
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert holder_of(tmp_path) is not None and in_use(tmp_path) is None  # what it wrote is there, and does not count
    with acquire(tmp_path, "mine"):
        assert holder_of(tmp_path) == dataclasses.replace(
            Holder.this_process("mine", "x"), run=holder_of(tmp_path).run, since=holder_of(tmp_path).since
        )


def test_a_live_run_of_another_machine_is_refused_until_it_is_silent(tmp_path: Path) -> None:
    on_another_machine(tmp_path, silent_s=50)
    assert in_use(tmp_path).pid == 4711
    with pytest.raises(
        UsageError, match=r"4711 on node7, .*heartbeat was 50 s ago; .*if node7 is gone try again in 70 s"
    ):
        enter(tmp_path, "mine")
    with acquire(tmp_path, "train", run="night"):  # a stage of that same run
        pass
    assert holder_of(tmp_path).host == "node7"  # which is still there


def test_a_silent_run_of_another_machine_counts_as_dead(tmp_path: Path) -> None:
    on_another_machine(tmp_path, silent_s=STALE_AFTER_S + 1)
    assert in_use(tmp_path) is None
    with acquire(tmp_path, "mine"):
        assert holder_of(tmp_path).what == "mine"


def test_a_run_gives_heartbeats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace_lock, "HEARTBEAT_S", 0.01)
    path = tmp_path / FOLDER / "holder.json"
    with acquire(tmp_path, "mine"):
        os.utime(path, (0, 0))
        deadline = time.monotonic() + 10
        while path.stat().st_mtime == 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_read_of_a_read_only_workspace_needs_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*given: object, **options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    on_another_machine(tmp_path, silent_s=50)
    for name, module in (("open", os), ("flock", fcntl)):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, read_only)
            assert in_use(tmp_path) == holder_of(tmp_path)
    assert holder_of(tmp_path).pid == 4711


def test_a_file_system_without_locks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(file: object, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(UsageError, match=r"cannot be locked \(No locks available\); put the folder on"):
        enter(tmp_path, "mine")


def test_a_failing_run_frees_its_folder(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), acquire(tmp_path, "mine"):
        raise ZeroDivisionError
    with acquire(tmp_path, "mine"):
        pass
