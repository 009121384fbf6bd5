"""A run waits for the one that has its workspace: up to a set time, saying so, and knows of a run that was killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from data_contracts import InUseError, UsageError
from flows.ablations import ablations
from flows.claims import claims
from flows.paper_table import paper_table
from flows.pipeline import pipeline
from flows.stages import STAGE_FLOWS
from flows.waiting import acquired
from tasks.engine import workspace_lock
from tasks.engine.workspace_lock import acquire, ended_holder, holder_of
from tests.conftest import REPOSITORY

HOLD = """
import sys, time
from pathlib import Path
from tasks.engine.workspace_lock import acquire
with acquire(Path(sys.argv[1]), "train of w", run="person"):
    print("ready", flush=True)
    time.sleep(600)
"""


def test_without_a_wait_a_workspace_in_use_is_refused_at_once(tmp_path: Path) -> None:
    with (
        acquire(tmp_path, "train of w"),
        pytest.raises(InUseError, match=r"^\S+ is in use by train of w"),
        acquired(tmp_path, "pipeline of w", pytest.fail),
    ):
        pytest.fail("two runs use one workspace")


def test_it_waits_says_so_every_so_often_and_goes_on(tmp_path: Path) -> None:
    said: list[str] = []
    held, leave = threading.Event(), threading.Event()

    def person() -> None:
        with acquire(tmp_path, "train of w"):
            held.set()
            leave.wait(30)

    def say(line: str) -> None:
        said.append(line)
        if len(said) == 3:
            leave.set()

    thread = threading.Thread(target=person)
    thread.start()
    assert held.wait(30)
    options = {"wait_s": 60.0, "say_every_s": 0.05, "look_every_s": 0.01}
    with acquired(tmp_path, "pipeline of w", say, run="night", **options) as killed:
        assert killed is None and holder_of(tmp_path).what == "pipeline of w"
    thread.join()
    assert len(said) == 3 and re.match(r"waiting for the workspace, .* at most: .* in use by train of w", said[0])


def test_the_wait_ends_with_who_has_the_workspace(tmp_path: Path) -> None:
    said: list[str] = []
    with (
        acquire(tmp_path, "train of w"),
        pytest.raises(InUseError, match=r"waited 0\.1 s: .* in use by train of w"),
        acquired(tmp_path, "pipeline of w", said.append, wait_s=0.1, look_every_s=0.02),
    ):
        pytest.fail("two runs use one workspace")
    assert len(said) == 1


def test_other_faults_are_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*given: object, **options: object) -> None:
        raise UsageError("cannot be locked")

    monkeypatch.setattr("flows.waiting.acquire", no_locks)
    with pytest.raises(UsageError, match="cannot be locked"), acquired(tmp_path, "x", pytest.fail, wait_s=600):
        pytest.fail("without a lock")


def test_a_killed_run_is_told_to_the_next_one_also_while_that_waits(tmp_path: Path) -> None:
    assert ended_holder(tmp_path) is None
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        assert ended_holder(tmp_path) is None  # it lives
        said: list[str] = []

        def kill(line: str) -> None:
            said.append(line)
            process.send_signal(signal.SIGKILL)

        started_s = time.monotonic()
        with acquired(tmp_path, "pipeline of w", kill, wait_s=600, look_every_s=0.05) as killed:
            assert killed is not None and (killed.run, killed.pid) == ("person", process.pid)
            assert ended_holder(tmp_path) is None
        assert len(said) == 1 and time.monotonic() - started_s < 300
    assert ended_holder(tmp_path) is None and workspace_lock.in_use(tmp_path) is None


@pytest.mark.parametrize(
    "flow", [STAGE_FLOWS["mine"], pipeline, claims, ablations, paper_table], ids=lambda flow: flow.name
)
def test_every_run_in_a_workspace_can_wait(flow: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    @contextmanager
    def refused(workspace: Path, what: str, say: object, *, run: str | None, wait_s: float) -> Iterator[None]:
        waits.append(wait_s)
        raise InUseError("the workspace is in use")
        yield

    monkeypatch.setattr("flows.runs.acquired", refused)
    with pytest.raises(InUseError):
        flow.fn(workspace=str(tmp_path), wait_minutes=2)
    assert waits == [120]
