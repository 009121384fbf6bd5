"""A Prefect server and one worker per work pool on this machine: started, waited for and stopped."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from data_contracts import ServiceError, UsageError
from flows.server import READY_TIMEOUT_S, answers
from flows.settings import SHIPPED
from flows.up.processes import Records, Started, state_folder, stop
from flows.up.worker import worker_command
from flows.waiting import Waiting
from tasks.engine.locks import Timeout, exclusive

PORT: Final = 4200
_SERVER: Final = "server"
_HOST: Final = "127.0.0.1"
_ASK_EVERY_S: Final = "2"  # workers ask every 10 s by default; a server on this machine may be asked more often
Say = Callable[[str], None]


def up(port: int | None, say: Say, warn: Say, *, timeout_s: float = READY_TIMEOUT_S) -> str:
    """Starts what does not run yet: the server, then its pools, deployments and automations, then the workers.

    Returns the API's address when all of it answers. `say` gets a line for each thing, `warn` one when it waits for
    long. Raises UsageError when the port is taken, ServiceError when something ends or does not answer within
    `timeout_s`: what this call has started is stopped then.
    """
    with _records() as records:
        known_port, known = records.read()
        running = {one.name: one for one in known if one.process()}
        starting = _Starting(records=records, port=_port(port, known_port, running), running=running, say=say)
        try:
            _start_all(starting, warn, timeout_s)
        except BaseException:
            starting.undo()
            raise
        return api_url(starting.port)


def down(say: Say) -> None:
    """Stops what `up` has started, workers and the runs on them first; `say` gets a line for each. Nothing else."""
    with _records() as records:
        _, known = records.read()
        stopped = [one for one in reversed(known) if stop(one)]
        for one in stopped:
            say(f"{one.name}: stopped (process {one.pid})")
        if not stopped:
            say("nothing runs that `foleygenex up` has started")
        records.remove()


def api_url(port: int) -> str:
    """Returns the API's address of a server on a port of this machine."""
    return f"http://{_HOST}:{port}/api"


@contextmanager
def _records() -> Iterator[Records]:
    folder = state_folder()
    try:
        with exclusive(folder / "lock", timeout_s=0):
            yield Records(folder / "processes.json")
    except Timeout as error:
        raise UsageError("another `foleygenex up` or `down` is at work; try again when it has ended") from error


def _port(asked: int | None, known: int | None, running: Mapping[str, Started]) -> int:
    """Returns the port to use. Raises UsageError when the server runs on another, or the port is taken."""
    if _SERVER in running and known is not None:
        if asked not in (None, known):
            raise UsageError(f"the server runs on port {known} already; `foleygenex down` stops it")
        return known
    port = asked or known or PORT
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            if answers(api_url(port)):
                other = f"a Prefect server answers there; `foleygenex deploy --server {api_url(port)}` uses that one"
            else:
                other = error.strerror or str(error)
            raise UsageError(f"port {port} cannot be used: {other}; `foleygenex up --port N` takes another") from error
    return port


@dataclass(slots=True, kw_only=True)
class _Starting:
    """One call of `up`: what runs, by its name, and what of it this call has started."""

    records: Records
    port: int
    running: dict[str, Started]
    say: Say
    new: list[Started] = field(default_factory=list)

    def ensure(self, name: str, command: Sequence[str], environment: Mapping[str, str], cwd: Path) -> Started:
        """Returns the process of that name; starts it unless it runs."""
        if name in self.running:
            self.say(f"{name}: runs already (process {self.running[name].pid})")
            return self.running[name]
        folder = self.records.path.parent
        started = Started.start(name, [sys.executable, "-m", "prefect", *command], folder, environment, cwd)
        self.running[name] = started
        self.new.append(started)
        self.records.write(self.port, self.running.values())
        self.say(f"{name}: started (process {started.pid}, output in {started.log})")
        return started

    def undo(self) -> None:
        """Stops what this call has started."""
        for one in reversed(self.new):
            stop(one)
            del self.running[one.name]
        self.records.write(self.port, self.running.values())


def _start_all(starting: _Starting, warn: Say, timeout_s: float) -> None:
    from flows.crashed import close_killed_runs, close_unstarted_runs
    from flows.deploy.install import client_of, install
    from flows.deploy.shipped import HOME, checkout, read_shipped
    from flows.placement import has_worker

    folder, url = checkout(), api_url(starting.port)
    shipped = {name: value for name, value in SHIPPED.items() if name not in os.environ}
    common = {**{k: v for k, v in os.environ.items() if k != "PREFECT_API_URL"}, **shipped, HOME: str(folder)}
    address = ["--host", _HOST, "--port", str(starting.port)]
    server = starting.ensure(
        _SERVER, ["server", "start", *address], {**common, "PREFECT_SERVER_UI_API_URL": url}, folder
    )
    _wait_for(server, lambda: answers(url), Waiting("the Prefect server", warn, timeout_s=timeout_s))
    for line in install(url, warn):
        starting.say(line)
    of_workers = {**common, "PREFECT_API_URL": url, "PREFECT_WORKER_QUERY_SECONDS": _ASK_EVERY_S}
    workers, before_workers = {}, datetime.now(UTC)
    for pool in read_shipped(folder).work_pools:
        workers[pool] = starting.ensure(f"worker-{pool}", worker_command(pool), of_workers, folder)
    with client_of(url) as client:
        for pool, worker in workers.items():
            waiting = Waiting(f"the worker of pool {pool}", warn, timeout_s=timeout_s)
            _wait_for(worker, partial(has_worker, client, pool), waiting)
        for name in close_killed_runs(client):
            starting.say(f"{name}: was killed, marked Crashed")
        for pool in (pool for pool, worker in workers.items() if worker in starting.new):
            for name in close_unstarted_runs(client, pool, before_workers):
                starting.say(f"{name}: was taken and not started, marked Crashed")


def _wait_for(started: Started, is_ready: Callable[[], bool], waiting: Waiting) -> None:
    while not is_ready():
        if started.process() is None:
            raise ServiceError(f"{started.name} has ended: {started.last_line()} (its output is in {started.log})")
        waiting.pause(0.2)
