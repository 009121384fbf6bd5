"""Lock files: one process at a time, and the operating system frees the lock however that process ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from data_contracts import UsageError

__all__ = ["Timeout", "exclusive"]


@contextmanager
def exclusive(path: Path, *, timeout_s: float | None = None) -> Iterator[None]:
    """Runs the block while nobody else has the lock file `path`: no other process, and no other thread of this one.

    Waits for it up to `timeout_s`, without end by default. Raises Timeout when it is still taken then, UsageError where
    the file system has no locks. The file stays: removing it would let two processes lock two files of one name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=-1 if timeout_s is None else timeout_s, thread_local=False)
    try:
        lock.acquire(poll_interval=0.01)
    except Timeout:
        raise
    except OSError as error:
        raise UsageError(
            f"{path} cannot be locked ({error.strerror}); put the folder on a local disk or on NFS 4"
        ) from error
    try:
        yield
    finally:
        lock.release()
