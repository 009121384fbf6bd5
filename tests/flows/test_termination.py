"""Ctrl-C and SIGTERM end a command soon, with one line, also when whoever handles them never comes to an end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flows.termination import INTERRUPTED_LINE, TERMINATED_LINE, interrupts_blocked
from tasks.engine import read_journal
from tasks.engine.workspace import Workspace
from tasks.engine.workspace_lock import acquire
from tests.conftest import REPOSITORY
from tests.flows.terminal import CTRL_C, Terminal

STUCK = """
import signal, sys, time
from flows.termination import end_on_signals
end_on_signals(termination_grace_s=0.5)
signal.signal(signal.SIGTERM, lambda *_: {handler})
print("ready", flush=True)
time.sleep(600)
"""
DEAF = """
import signal, sys, time
from flows.termination import end_on_signals
end_on_signals(interrupt_grace_s={grace})
signal.signal(signal.SIGINT, lambda *_: print("still working", flush=True))
print("ready", flush=True)
while True: time.sleep(0.01)
"""


@pytest.mark.parametrize(("handler", "code"), [("time.sleep(600)", 143), ("sys.exit(7)", 7)])
def test_sigterm_ends_the_process_in_good_order_or_soon(handler: str, code: int) -> None:
    command = [sys.executable, "-c", STUCK.format(handler=handler)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == code
    assert time.monotonic() - started < 200
    assert errors == ("" if code == 7 else f"{TERMINATED_LINE}\n")


TEMPORARY = """
import multiprocessing, sys, tempfile, time
from flows.termination import end_on_signals
end_on_signals(termination_grace_s=600)
with tempfile.TemporaryDirectory(dir=sys.argv[1]):
    worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
    worker.start()
    try:
        print("ready", flush=True)
        time.sleep(600)
    finally:
        worker.terminate()
        worker.join()
"""


def test_sigterm_removes_temporary_folders_and_says_its_line_once(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TEMPORARY, str(tmp_path)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    assert list(tmp_path.iterdir())
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=240)
    assert (process.returncode, errors) == (128 + signal.SIGTERM, f"{TERMINATED_LINE}\n")
    assert not list(tmp_path.iterdir())


def test_who_ignores_ctrl_c_is_ended_after_the_grace_period() -> None:
    with Terminal([sys.executable, "-c", DEAF.format(grace=0.2)], {}) as terminal:
        terminal.wait_for("ready")
        terminal.press(CTRL_C)
        assert terminal.end() == 1
        assert terminal.output.count(INTERRUPTED_LINE) == 1


def test_a_second_ctrl_c_ends_at_once() -> None:
    with Terminal([sys.executable, "-c", DEAF.format(grace=600)], {}) as terminal:
        terminal.wait_for("ready")
        terminal.press(CTRL_C)
        terminal.wait_for("still working")
        terminal.press(CTRL_C)
        assert terminal.end() == 1
        assert terminal.output.count(INTERRUPTED_LINE) == 1


@pytest.mark.parametrize("kind", ["threads", "processes", "programs", "single"])
def test_ctrl_c_in_a_terminal_ends_each_kind_of_stage_and_loses_nothing(kind: str, tmp_path: Path) -> None:
    interrupt(kind, tmp_path, {"PREFECT_API_URL": "", "PREFECT_PROFILES_PATH": str(tmp_path / "none")})


@pytest.mark.server
@pytest.mark.slow
def test_ctrl_c_ends_a_stage_that_prefect_runs(prefect_backend: None, tmp_path: Path) -> None:
    from prefect.settings import PREFECT_API_URL

    interrupt("programs", tmp_path, {"PREFECT_API_URL": PREFECT_API_URL.value(), "PREFECT_HOME": str(tmp_path / "p")})


def interrupt(kind: str, tmp_path: Path, environment: dict[str, str]) -> None:
    """Presses Ctrl-C while a stage works; the command ends soon, with one line, nothing is lost and nothing is left."""
    command = [sys.executable, "-m", "tests.flows.interrupted", str(tmp_path), kind]
    space = Workspace(tmp_path)
    name = {"threads": "slow", "processes": "slow"}.get(kind, kind)
    with Terminal(command, environment) as terminal:
        deadline = time.monotonic() + 120
        while not (read_journal(space, name) or space.path(name, "begun").exists()):
            assert time.monotonic() < deadline and terminal._read(), terminal.output
        started = time.monotonic()
        terminal.press(CTRL_C)
        assert terminal.end() == 1
        took_s = time.monotonic() - started
    assert terminal.output.count(INTERRUPTED_LINE) == 1 and "Traceback" not in terminal.output, terminal.output
    assert terminal.output.rstrip().endswith(INTERRUPTED_LINE)
    assert took_s < 200  # it is 2 s on a machine with a free core; without a forced end 600 s
    assert not [entry for entry in read_journal(space, name).values() if "error" in entry]
    assert not processes_with(str(tmp_path))
    with acquire(tmp_path, "the next run"):
        pass


def processes_with(argument: str) -> list[str]:
    """Returns the ids of processes whose command line has an argument; worker processes inherit none, so by folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if argument.encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def test_programs_started_in_a_protected_block_get_no_ctrl_c() -> None:
    show = [sys.executable, "-c", "import signal; print(signal.SIGINT in signal.pthread_sigmask(0, ()))"]
    with interrupts_blocked():
        inside = subprocess.check_output(show, text=True)
    assert (inside, subprocess.check_output(show, text=True)) == ("True\n", "False\n")
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ()), os.getpid()
