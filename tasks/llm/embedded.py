"""The embedded model behind an OpenAI-compatible server on loopback, in a process of its own.

A process, because a crash of the C++ server must not end the stage, and because ggml's threads read their settings from
the environment. One server per machine: two of them on the same cores are fifty times slower.
"""

from __future__ import annotations

import logging
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from data_contracts import WeightsError
from model.weights.locate import user_cache
from tasks.engine.locks import Timeout, exclusive

log = logging.getLogger(__name__)

SLOTS: Final = 1  # with a second slot prompts are read twice and completions depend on timing
CONTEXT_TOKENS: Final = 4096  # per slot: 1,200 of prompt, and four paraphrases of the longest caption sent
READY_TIMEOUT_S: Final = 180.0
SILENT_S: Final = 5.0  # then a log line says what is waited for
_READY: Final = "FOLEYGENEX-LLM-READY "


@contextmanager
def embedded_server(model: Path, *, threads: int | None = None) -> Iterator[str]:
    """Yields the base URL (`http://127.0.0.1:PORT/v1`) of a server that runs until the context ends.

    Waits while another shard or stage uses the embedded model. `threads` defaults to the cores that this process may
    use. Raises WeightsError when the server does not start.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = max(1, min(threads or cores, cores))
    with _only_server(), _child([str(model), str(count)]) as process:
        yield _await_url(process)


@contextmanager
def _only_server() -> Iterator[None]:
    """Waits for the lock that all servers on this machine share."""
    path = user_cache() / "llm" / "server.lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive(path, timeout_s=0))
        except Timeout:
            log.warning("the embedded model is in use by another shard or stage; waiting for it")
            stack.enter_context(exclusive(path))
        yield


@contextmanager
def _child(arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Starts the server process, which ends when its standard input closes: when this process ends, however it does."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "tasks.llm.embedded", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_WAIT_POLICY": "passive", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()  # it has no state to save


def _await_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    started = time.monotonic()
    said = False
    while (waited_s := time.monotonic() - started) < READY_TIMEOUT_S:
        readable, _, _ = select.select([process.stdout], [], [], 1.0)
        if not readable:
            if waited_s >= SILENT_S and not said:
                said = True
                log.warning("waiting for the embedded model to load (at most %.0f s)", READY_TIMEOUT_S)
            continue
        line = process.stdout.readline()
        if line.startswith(_READY):
            return line.removeprefix(_READY).strip()
        if not line:
            raise WeightsError(f"the embedded model's server ended with code {process.wait()} before it was ready")
    raise WeightsError(f"the embedded model's server was not ready after {READY_TIMEOUT_S:.0f} s")


def _watch_parent(parent: int) -> None:
    """Ends this process when its parent has: the pipe is closed, or the process has another parent."""
    while True:
        readable, _, _ = select.select([sys.stdin], [], [], 1.0)
        if (readable and not sys.stdin.read(1)) or os.getppid() != parent:
            os._exit(0)


def main(arguments: Sequence[str]) -> None:
    """Serves a model on loopback until the parent ends: `MODEL THREADS`."""
    threading.Thread(target=_watch_parent, args=(os.getppid(),), daemon=True).start()
    import xllamacpp

    model, threads = arguments[0], int(arguments[1])
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = SLOTS
    params.n_ctx = CONTEXT_TOKENS * SLOTS
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = threads
    params.cpuparams.poll = params.cpuparams_batch.poll = 0  # waiting threads must not spin on shared cores
    params.warmup = False
    params.ui = False
    params.cache_ram_mib = 256  # some twenty prompts; the default is 8 GiB
    server = xllamacpp.Server(params)
    print(f"{_READY}{server.listening_address}/v1", flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads the pipe from here on
    threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1:])
