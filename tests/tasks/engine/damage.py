"""Three ways in which a file is damaged, for the tests of what counts as finished."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def flip(path: Path, *, keep_time: bool = False) -> None:
    """Changes the last byte; the size stays, and with `keep_time` the modification time too."""
    status, data = path.stat(), bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + (0 if keep_time else 1)))


def truncate(path: Path) -> None:
    """Cuts off the last byte; the modification time stays."""
    status = path.stat()
    path.write_bytes(path.read_bytes()[:-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def delete(path: Path) -> None:
    """Removes the file."""
    path.unlink()


DAMAGES: tuple[Callable[[Path], None], ...] = (flip, truncate, delete)
