"""An exclusive lock: one at a time among processes and threads, freed by a kill, and errors that say what to do."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from data_contracts import UsageError
from tasks.engine.locks import Timeout, exclusive
from tests.conftest import REPOSITORY

KEEP = (
    "import sys, time; from pathlib import Path; from tasks.engine.locks import exclusive\n"
    "with exclusive(Path(sys.argv[1])):\n    print('in', flush=True); time.sleep(60)\n"
)


def test_another_process_waits_its_time_and_a_killed_one_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "made" / "lock"
    process = subprocess.Popen([sys.executable, "-c", KEEP, str(path)], cwd=REPOSITORY, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None and process.stdout.readline() == b"in\n"
        for timeout_s in (0.0, 0.1):
            with pytest.raises(Timeout), exclusive(path, timeout_s=timeout_s):
                pytest.fail("two processes have one lock")
    finally:
        process.kill()
        process.wait()
    with exclusive(path):
        pass


def test_threads_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    counter = [0]

    def add() -> None:
        for _ in range(20):
            with exclusive(tmp_path / "lock"):
                seen = counter[0]
                threading.Event().wait(0.0005)  # lets the others run
                counter[0] = seen + 1

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter == [60]


def test_a_failing_block_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path / "lock"):
        raise ZeroDivisionError
    with exclusive(tmp_path / "lock", timeout_s=0):
        pass


def test_a_file_system_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(file: object, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with (
        pytest.raises(UsageError, match=r"lock cannot be locked \(No locks available\); put the folder on"),
        exclusive(tmp_path / "lock"),
    ):
        pytest.fail("locked without locks")
