"""The Prefect server that a run starts for itself, when none is set: it ends with the run, however that ends.

`python -m flows.server` is that server, in a session of its own: Ctrl-C in the run's terminal does not reach it, and it
ends when its standard input closes. Prefect's own temporary server gets the signal too, and outlives a killed run.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, Literal

from data_contracts.errors import ServiceError
from flows.waiting import Waiting

READY_TIMEOUT_S: Final = 300.0  # a busy machine with two cores has needed two minutes
AWAY_S: Final = 30.0  # how long a run goes on while the server that is set refuses connections
_SLOW_S: Final = 300.0  # and while it is there but does not answer: it or this machine is busy
_LOOK_EVERY_S: Final = 2.0
_ANSWER_S: Final = 5.0
_STOP_S: Final = 5.0
_END_S: Final = 2.0
_COMMAND: Final = ("-P", "-m", "flows.server")  # -P: a folder flows/ where the run was started is not imported
_ADDRESS: Final = "FOLEYGENEX-PREFECT "
# Prefect's own temporary server has these: no pages, the services that one run needs, the newest database.
_ENVIRONMENT: Final = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback, whatever proxy is set

State = Literal["ready", "slow", "gone"]
_OWN: Final[set[str]] = set()  # addresses of the servers that this process has started for its run


class _NotReadyError(Exception):
    """The server's process has ended before it answered."""


@contextmanager
def own_server(
    on_lost: Callable[[str], None], say: Callable[[str], None], *, timeout_s: float = READY_TIMEOUT_S
) -> Iterator[str]:
    """Starts a server and yields its API address once it answers; stops it at the end.

    Calls `on_lost` with a reason when it ends before that. Raises ServiceError when it does not start in time.
    """
    with _process() as process:
        waiting = Waiting("Prefect to start", say, timeout_s=timeout_s)
        url = _address(process, waiting)
        while not answers(url):
            _require_alive(process)
            waiting.pause(0.1)
        stopping = threading.Event()
        threading.Thread(target=_watch_process, args=(process, stopping, on_lost), name="server", daemon=True).start()
        _OWN.add(url)
        try:
            yield url
        finally:
            _OWN.discard(url)
            stopping.set()


def is_own(url: str) -> bool:
    """Whether the server at an API address is one that this process has started for its run (`own_server`)."""
    return url in _OWN


@contextmanager
def watched_server(
    url: str,
    on_lost: Callable[[str], None],
    say: Callable[[str], None],
    *,
    away_s: float = AWAY_S,
    every_s: float = _LOOK_EVERY_S,
) -> Iterator[None]:
    """Watches the server that is set while the block runs: calls `on_lost` when it has not answered for `away_s`."""
    stopping = threading.Event()

    def watch() -> None:
        waiting: dict[State, Waiting] = {}
        while not stopping.wait(every_s):
            state = _state(url)
            if state == "ready":
                waiting.clear()
                continue
            limit_s = away_s if state == "gone" else _SLOW_S
            try:
                waiting.setdefault(state, Waiting(f"the Prefect server at {url}", say, timeout_s=limit_s)).pause(0.0)
            except ServiceError as error:
                on_lost(str(error))
                return

    threading.Thread(target=watch, name="server", daemon=True).start()
    try:
        yield
    finally:
        stopping.set()


def require_server(url: str, say: Callable[[str], None], *, timeout_s: float = AWAY_S) -> None:
    """Waits until the server that is set answers. Raises ServiceError after `timeout_s`."""
    waiting = Waiting(f"the Prefect server at {url}", say, timeout_s=timeout_s)
    while not answers(url):
        waiting.pause(0.5)


@contextmanager
def _process() -> Iterator[subprocess.Popen[bytes]]:
    environment = {name: value for name, value in os.environ.items() if name != "PREFECT_API_URL"}
    path = os.pathsep.join(entry for entry in sys.path if entry)
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            [sys.executable, *_COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**environment, **_ENVIRONMENT, "PYTHONPATH": path},
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        except _NotReadyError as error:
            errors.seek(0)
            lines = errors.read().decode("utf-8", "replace").strip().splitlines()
            raise ServiceError(
                f"the run's own Prefect server ended with code {process.wait()} before it was ready"
                f"{f': {lines[-1]}' if lines else ''}"
            ) from error
        finally:
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_S)
            process.kill()


def _address(process: subprocess.Popen[bytes], waiting: Waiting) -> str:
    """Returns the API address that the process prints as soon as it has a port."""
    assert process.stdout is not None
    while not select.select([process.stdout], [], [], 0.1)[0]:
        waiting.pause(0.0)
    line = process.stdout.readline().decode()
    if not line.startswith(_ADDRESS):
        raise _NotReadyError
    return f"{line.removeprefix(_ADDRESS).strip()}/api"


def _require_alive(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        raise _NotReadyError


def answers(url: str) -> bool:
    """Whether a Prefect server answers at an API address."""
    return _state(url) == "ready"


def _state(url: str) -> State:
    """Returns whether a server answers, is there but does not answer in time, or is not there."""
    opener = _DIRECT if url.startswith("http://127.0.0.1:") else urllib.request.build_opener()
    try:
        with opener.open(f"{url.rstrip('/')}/health", timeout=_ANSWER_S) as response:
            return "ready" if response.status == 200 and json.load(response) is True else "gone"
    except urllib.error.HTTPError as error:
        return "ready" if error.code in (401, 403) else "gone"  # it is there; Prefect says that it refuses us
    except (OSError, ValueError) as error:
        return "slow" if isinstance(getattr(error, "reason", error), TimeoutError) else "gone"


def _watch_process(process: subprocess.Popen[bytes], stopping: threading.Event, on_lost: Callable[[str], None]) -> None:
    code = process.wait()
    if not stopping.is_set():
        on_lost(f"the run's own Prefect server has ended (code {code})")


def main() -> None:
    """Serves Prefect's API on a free port of loopback until standard input closes."""
    import uvicorn

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(f"{_ADDRESS}http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        "prefect.server.api.server:create_app", factory=True, log_level="error", lifespan="on", access_log=False
    )
    server = uvicorn.Server(config)
    threading.Thread(target=_end_with_parent, args=(server,), daemon=True).start()
    server.run(sockets=[listening])


def _end_with_parent(server: object) -> None:
    """Ends the server when standard input closes, which it does however the parent ends."""
    sys.stdin.buffer.read()
    server.should_exit = True  # type: ignore[attr-defined]
    time.sleep(_END_S)
    os._exit(0)


if __name__ == "__main__":
    main()
