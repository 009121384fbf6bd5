"""A Prefect worker in the foreground, for containers, services and terminals: its runs end before it does.

A `prefect worker` that is told to stop kills its runs at once, and a training loses the steps since its last state.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import psutil

from data_contracts import ServiceError, UsageError
from data_contracts.quantities import duration_text
from flows.deploy.install import client_of, server_to_use
from flows.server import require_server
from flows.settings import ship_settings
from flows.up.processes import CHILDREN_STOP_S, end_family

GPU_POOL: Final = "gpu"
"""The pool whose worker takes one run at a time."""
_LOOK_EVERY_S: Final = 0.5


def worker_command(pool: str, limit: int | None = None) -> list[str]:
    """Returns the arguments of `prefect` for a pool's worker. By default one of pool `gpu` takes one run at a time."""
    most = limit or (1 if pool == GPU_POOL else None)
    return ["worker", "start", "--pool", pool, *([] if most is None else ["--limit", str(most)])]


def run_worker(pool: str, limit: int | None, say: Callable[[str], None]) -> None:
    """Runs a pool's worker until SIGTERM or SIGINT, which end its runs first. `say` gets a line when they come.

    Raises UsageError without a server or such a pool, ServiceError when it does not answer, or when the worker ends by
    itself.
    """
    ship_settings()
    url = server_to_use()
    require_server(url, say)
    _require_pool(url, pool)
    run_until_signal([sys.executable, "-m", "prefect", *worker_command(pool, limit)], os.environ, say)


def _require_pool(url: str, pool: str) -> None:
    """Raises UsageError for a pool that the server lacks: Prefect's worker would make it, and wait there for ever."""
    from prefect.exceptions import ObjectNotFound

    with client_of(url) as client:
        try:
            client.read_work_pool(pool)
        except ObjectNotFound as error:
            known = ", ".join(sorted(one.name for one in client.read_work_pools())) or "none"
            raise UsageError(
                f"the server has no work pool {pool!r}; its pools: {known}; `foleygenex deploy` makes cpu and gpu"
            ) from error


def run_until_signal(command: Sequence[str], environment: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Runs a program until this process gets SIGTERM or SIGINT, then ends what it has started, then it.

    Raises ServiceError when it ends by itself. Call it in the main thread of a command that does nothing else: the
    signals keep these handlers.
    """
    stopping = threading.Event()
    signal.set_wakeup_fd(-1)  # else the command's own timer ends all of it after seconds (`flows/termination.py`)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        while process.poll() is None and not stopping.wait(_LOOK_EVERY_S):
            pass
        if process.returncode is not None:
            raise ServiceError(f"the worker has ended with code {process.returncode}; its output says why")
        say(f"stopping: its runs end first, within {duration_text(CHILDREN_STOP_S)}; a training writes its state")
        end_family(psutil.Process(process.pid))
