"""One run at a time in a folder: a workspace, or the stage that a long job writes.

The system's file lock (`flock`) decides, so a process that is killed holds nothing. Processes of one run (the pipeline
and the stages it gives to another pool) share it: they carry the run's name. `holder.json` tells a person who it is;
its time, renewed while the run lives, keeps out another machine whose file system does not share locks.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final, Self
from uuid import uuid4

from data_contracts import UsageError
from data_contracts.files import atomic_path

FOLDER: Final = ".run"
BEAT_S: Final = 20.0
DEAD_AFTER_S: Final = 120.0  # without a sign of life, another machine's run counts as dead
_BUSY: Final = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who runs in a folder: `what` in words, `run` shared by all processes of one run, `since` in UTC."""

    what: str
    run: str
    host: str
    pid: int
    since: str

    @classmethod
    def me(cls, what: str, run: str) -> Self:
        """Returns this process."""
        since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return cls(what=what, run=run, host=socket.gethostname(), pid=os.getpid(), since=since)

    def line(self) -> str:
        """Returns e.g. `pipeline (process 4711 on node3, since 2026-01-31 03:00:00 UTC)`."""
        return f"{self.what} (process {self.pid} on {self.host}, since {self.since})"


@contextmanager
def hold(folder: Path, what: str, *, run: str | None = None) -> Iterator[str]:
    """Holds a folder while the block runs and yields the run's name; a block of the same `run` may enter too.

    Raises UsageError, naming the holder and what to do, when another run holds it.
    """
    place = folder / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    me = Holder.me(what, run or uuid4().hex)
    with (place / "lock").open("a+b") as lock:
        with _door(place):
            _enter(folder, lock, me)
        try:
            with _signs_of_life(place / "holder.json"):
                yield me.run
        finally:
            with _door(place):
                _leave(folder, lock, me)


def holder_of(folder: Path) -> Holder | None:
    """Returns who holds a folder by its own account, also after that process was killed; None when nobody does."""
    try:
        return Holder(**json.loads((folder / FOLDER / "holder.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def in_use(folder: Path) -> Holder | None:
    """Returns the live run that holds a folder, as far as this machine can tell."""
    place = folder / FOLDER
    other = holder_of(folder)
    if other is None:
        return None
    with _door(place), (place / "lock").open("a+b") as lock:
        if not _take(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return other
    silent_s = _silent_s(place)
    return other if other.host != socket.gethostname() and silent_s is not None and silent_s < DEAD_AFTER_S else None


def _enter(folder: Path, lock: IO[bytes], me: Holder) -> None:
    other = holder_of(folder)
    if _take(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
        _refuse_other_machine(folder, other, me)
        if other is None or other.run != me.run:
            with atomic_path(folder / FOLDER / "holder.json") as temporary:
                temporary.write_text(json.dumps(asdict(me)) + "\n", "utf-8")
    elif other is None or other.run != me.run:
        raise UsageError(_in_use(folder, other))
    _take(lock, fcntl.LOCK_SH)  # others of the same run may enter


def _leave(folder: Path, lock: IO[bytes], me: Holder) -> None:
    """The last one out removes the holder's file, unless its run is still on another machine."""
    other = holder_of(folder)
    if (
        _take(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        and other is not None
        and other.run == me.run
        and other.host == me.host
    ):
        (folder / FOLDER / "holder.json").unlink(missing_ok=True)


def _in_use(folder: Path, other: Holder | None) -> str:
    if other is None:
        return f"{folder} is in use by another run; wait for it or stop it"
    if other.host != socket.gethostname():
        how = f"wait for it, cancel it in Prefect, or stop process {other.pid} on {other.host}"
    elif _alive(other.pid):
        how = f"wait for it, cancel it in Prefect, or `kill {other.pid}`"
    else:
        how = "that process has ended, but a stage that it gave to a work pool runs on; wait or cancel that in Prefect"
    return f"{folder} is in use by {other.line()}; {how}"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True


def _refuse_other_machine(folder: Path, other: Holder | None, me: Holder) -> None:
    """The lock was free, so a holder of this machine is dead; one of another machine may not share the lock."""
    if other is None or other.host == me.host or other.run == me.run:
        return
    silent_s = _silent_s(folder / FOLDER)
    if silent_s is not None and silent_s < DEAD_AFTER_S:
        raise UsageError(
            f"{folder} is in use by {other.line()}, which gave a sign of life {silent_s:.0f} s ago; wait for it, or "
            f"if {other.host} is gone try again in {DEAD_AFTER_S - silent_s:.0f} s"
        )


def _silent_s(place: Path) -> float | None:
    """Returns the age of the last sign of life by the file system's own clock: machines' clocks differ."""
    with tempfile.NamedTemporaryFile(dir=place, prefix=".tmp-") as probe:
        now_s = os.fstat(probe.fileno()).st_mtime
    try:
        return max(0.0, now_s - (place / "holder.json").stat().st_mtime)
    except FileNotFoundError:
        return None


def _take(lock: IO[bytes], kind: int) -> bool:
    """Returns False when it is taken. Raises UsageError where the file system has no locks."""
    try:
        fcntl.flock(lock, kind)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise UsageError(
            f"{lock.name} cannot be locked ({error.strerror}); put the workspace on a local disk or on NFS 4"
        ) from error
    return True


@contextmanager
def _door(place: Path) -> Iterator[None]:
    """One process at a time looks and takes."""
    with (place / "door").open("a+b") as door:
        _take(door, fcntl.LOCK_EX)
        yield


@contextmanager
def _signs_of_life(path: Path) -> Iterator[None]:
    stop = threading.Event()

    def loop() -> None:
        while not stop.wait(BEAT_S):
            with suppress(OSError):
                os.utime(path)

    thread = threading.Thread(target=loop, name="signs-of-life", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
