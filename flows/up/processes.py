"""Processes that outlive the command which starts them, and their records: what was started is found and stopped again.

A record has the process's start time beside its id: an id that another program has got since is not that process. The
time is counted from the machine's start, as a clock that is set moves every process's time of day.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

import psutil
from platformdirs import user_state_path

from data_contracts import UsageError
from tasks.engine.workspace import read_json, write_json

STOP_S: Final = 15.0
"""How long a process may take to end after SIGTERM, before it is killed."""
CHILDREN_STOP_S: Final = 60.0
"""How long those that it has started may take before that: a training finishes its step and writes its state."""
_MEND: Final = "stop Prefect's processes by hand and remove the file"
_SAME_S: Final = 2.0  # a clock may be set by a second between two looks at it


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A process that was started: what it is, its id, when (s since the machine's start) and the file of its output."""

    name: str
    pid: int
    start_s: float
    log: str

    @classmethod
    def start(cls, name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str], cwd: Path) -> Self:
        """Starts a command in a session of its own; its output is written to `folder`/`name`.log."""
        log = folder / f"{name}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return cls(name=name, pid=process.pid, start_s=started_s(psutil.Process(process.pid)), log=str(log))

    def process(self) -> psutil.Process | None:
        """Returns the process while it runs; None when it has ended, or its id is another program's now."""
        try:
            found = psutil.Process(self.pid)
            is_it = abs(started_s(found) - self.start_s) < _SAME_S
        except psutil.Error:
            return None
        return found if is_it and _runs(found) else None

    def last_line(self) -> str:
        """Returns the last line of its output, empty when there is none."""
        with suppress(OSError):
            lines = Path(self.log).read_text("utf-8", "replace").strip().splitlines()
            return lines[-1].strip() if lines else ""
        return ""


def started_s(process: psutil.Process) -> float:
    """Returns when a process was started, in seconds since the machine was."""
    return process.create_time() - psutil.boot_time()


def stop(started: Started, *, stop_s: float = STOP_S, children_stop_s: float = CHILDREN_STOP_S) -> bool:
    """Ends a process and all that it has started, as `end_family`. Returns whether it ran."""
    process = started.process()
    if process is None:
        return False
    end_family(process, stop_s=stop_s, children_stop_s=children_stop_s)
    return True


def end_family(process: psutil.Process, *, stop_s: float = STOP_S, children_stop_s: float = CHILDREN_STOP_S) -> None:
    """Ends a process and all that it has started.

    First its children get SIGTERM, which pass it on as they need: a Prefect worker that is told to stop kills its runs
    at once. Then itself. What has not ended within `children_stop_s` and `stop_s` is killed.
    """
    with suppress(psutil.NoSuchProcess):
        _end(process.children(), process.children(recursive=True), children_stop_s)
        _end([process], [*process.children(recursive=True), process], stop_s)


def _end(asked: Sequence[psutil.Process], family: Sequence[psutil.Process], timeout_s: float) -> None:
    """Sends SIGTERM to the processes in `asked`; kills those of the family that still run after the timeout."""
    for one in asked:
        with suppress(psutil.NoSuchProcess):
            one.terminate()
    left = _alive_after(family, timeout_s)
    for one in left:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    _alive_after(left, timeout_s)


def _alive_after(family: Sequence[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Waits until all have ended, at most so long; returns those that have not.

    One that nobody has waited for has ended, too: in a container, the first process may wait for none.
    """
    deadline_s = time.monotonic() + timeout_s
    while alive := [one for one in family if _runs(one)]:
        if time.monotonic() >= deadline_s:
            break
        time.sleep(0.05)
    return alive


def _runs(process: psutil.Process) -> bool:
    """Whether it is that process still, and has not ended."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def state_folder() -> Path:
    """Returns the folder of records and logs, of this user and machine. It is made; only the user may read it."""
    folder = user_state_path("foleygenex") / "up"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


@dataclass(frozen=True, slots=True)
class Records:
    """What `up` has started: the server's port, and its processes in the order in which they were started."""

    path: Path

    def read(self) -> tuple[int | None, list[Started]]:
        """Returns port and processes, also those that have ended. Raises UsageError for a file that cannot be read."""
        if not self.path.exists():
            return None, []
        try:
            content = read_json(self.path, _MEND)
            return int(content["port"]), [Started(**one) for one in content["processes"]]
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{self.path} cannot be read ({type(error).__name__}: {error}); {_MEND}") from error

    def write(self, port: int, processes: Iterable[Started]) -> None:
        """Writes port and processes."""
        write_json(self.path, {"port": port, "processes": [asdict(one) for one in processes]})

    def remove(self) -> None:
        """Removes the file."""
        self.path.unlink(missing_ok=True)
