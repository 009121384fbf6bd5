"""One run at a time in a workspace.

Each process of a run has its own lock file, `.run/members/*.lock`, which the operating system frees however the
process ends. A process may enter while the only members are of its own run: the pipeline and the stages that it gives
to another work pool share a workspace. `holder.json` names the run for people; its time, renewed by a heartbeat, keeps
out another machine whose file system does not share locks.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self
from uuid import uuid4

from data_contracts import InUseError, UsageError
from data_contracts.files import atomic_path
from tasks.engine.locks import Timeout, exclusive

FOLDER: Final = ".run"
HEARTBEAT_S: Final = 20.0
STALE_AFTER_S: Final = 120.0  # without a heartbeat, another machine's run counts as ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who uses a workspace: `what` in words, `run` shared by all processes of one run, `since` in UTC."""

    what: str
    run: str
    host: str
    pid: int
    since: str

    @classmethod
    def this_process(cls, what: str, run: str) -> Self:
        """Returns this process."""
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return cls(what=what, run=run, host=socket.gethostname(), pid=os.getpid(), since=since)

    def line(self) -> str:
        """Returns e.g. `pipeline (process 4711 on node3, since 2026-01-31 03:00:00 UTC)`."""
        return f"{self.what} (process {self.pid} on {self.host}, since {self.since})"


@contextmanager
def acquire(workspace: Path, what: str, *, run: str | None = None) -> Iterator[str]:
    """Keeps other runs out of a workspace while the block runs; yields the run's id, under which others may enter too.

    Raises InUseError, naming the holder and what to do, when another run uses the workspace.
    """
    folder = workspace / FOLDER
    me = Holder.this_process(what, run or uuid4().hex)
    member = folder / "members" / f"{uuid4().hex}.lock"
    with ExitStack() as stack:
        with _mutex(folder):
            _require_free(workspace, me)
            stack.callback(_leave, workspace, me, member)
            stack.enter_context(exclusive(member, timeout_s=0))
        with _heartbeat(folder / "holder.json"):
            yield me.run


def holder_of(workspace: Path) -> Holder | None:
    """Returns who has written that it uses a workspace, also after that process was killed; None when nobody has."""
    try:
        return Holder(**json.loads((workspace / FOLDER / "holder.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def in_use(workspace: Path) -> Holder | None:
    """Returns the live run that uses a workspace, as far as this machine can tell.

    Where nothing can be locked or written, as on a read-only file system, who has written that it does.
    """
    folder = workspace / FOLDER
    holder = holder_of(workspace)
    if holder is None:
        return None
    try:
        with _mutex(folder):
            return holder if _has_members(folder) or _alive_elsewhere(folder, holder) else None
    except (UsageError, OSError):
        return holder


def ended_holder(workspace: Path) -> Holder | None:
    """Returns the run that was the last in a workspace and has ended without leaving it: its processes were killed."""
    holder = holder_of(workspace)
    return holder if holder is not None and in_use(workspace) is None else None


def require_free(workspace: Path) -> None:
    """Raises InUseError, as `acquire` does, when a live run uses a workspace: a look before anything is started."""
    if (holder := in_use(workspace)) is not None:
        raise InUseError(_in_use(workspace, holder))


def _require_free(workspace: Path, me: Holder) -> None:
    """Writes this run's `holder.json` unless it is there. Raises InUseError when another run uses the workspace."""
    folder = workspace / FOLDER
    other = holder_of(workspace)
    if other is not None and other.run == me.run:
        return
    if _has_members(folder):
        raise InUseError(_in_use(workspace, other))
    if other is not None and _alive_elsewhere(folder, other):
        silent_s = _silent_s(folder)
        raise InUseError(
            f"{workspace} is in use by {other.line()}, whose last heartbeat was {silent_s:.0f} s ago; wait for it, or "
            f"if {other.host} is gone try again in {STALE_AFTER_S - silent_s:.0f} s"
        )
    with atomic_path(folder / "holder.json") as temporary:
        temporary.write_text(json.dumps(asdict(me)) + "\n", "utf-8")


def _leave(workspace: Path, me: Holder, member: Path) -> None:
    """Removes what this process has written; the last one of a run on its first machine removes `holder.json` too."""
    folder = workspace / FOLDER
    with _mutex(folder):
        member.unlink(missing_ok=True)
        holder = holder_of(workspace)
        ours = holder is not None and (holder.run, holder.host) == (me.run, me.host)
        if ours and not _has_members(folder):
            (folder / "holder.json").unlink(missing_ok=True)


def _has_members(folder: Path) -> bool:
    """Whether a live process has a member's lock. Removes the lock files of processes that were killed."""
    for path in (folder / "members").glob("*.lock"):
        try:
            with exclusive(path, timeout_s=0):
                path.unlink(missing_ok=True)
        except Timeout:
            return True
    return False


def _in_use(workspace: Path, other: Holder | None) -> str:
    if other is None:
        return f"{workspace} is in use by another run; wait for it or stop it"
    if other.host != socket.gethostname():
        how = f"wait for it, cancel it in Prefect, or stop process {other.pid} on {other.host}"
    elif _is_process(other.pid):
        how = f"wait for it, cancel it in Prefect, or `kill {other.pid}`"
    else:
        how = "that process has ended, but a stage that it gave to a work pool runs on; wait or cancel that in Prefect"
    return f"{workspace} is in use by {other.line()}; {how}"


def _is_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True


def _alive_elsewhere(folder: Path, holder: Holder) -> bool:
    """Whether a holder on another machine, which may not share locks, has given a heartbeat lately."""
    return holder.host != socket.gethostname() and _silent_s(folder) < STALE_AFTER_S


def _silent_s(folder: Path) -> float:
    """Returns the time since the last heartbeat by the file system's own clock: machines' clocks differ."""
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".tmp-") as probe:
        now_s = os.fstat(probe.fileno()).st_mtime
    try:
        return max(0.0, now_s - (folder / "holder.json").stat().st_mtime)
    except FileNotFoundError:
        return float("inf")


@contextmanager
def _mutex(folder: Path) -> Iterator[None]:
    """One process at a time looks who is there, enters or leaves."""
    with exclusive(folder / "mutex"):
        yield


@contextmanager
def _heartbeat(path: Path) -> Iterator[None]:
    """Renews the time of a file while the block runs."""
    stop = threading.Event()

    def renew() -> None:
        while not stop.wait(HEARTBEAT_S):
            with suppress(OSError):
                os.utime(path)

    thread = threading.Thread(target=renew, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
