"""Training in several processes of this machine: the stage starts `torchrun`, shows what rank 0 says, and stops it.

Rank 0 writes JSON lines on its standard output: its log, progress, the logged rows at the end, an error of this
project. What anything else writes is kept in `W/train/ranks.log`.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from data_contracts import TrainingError, TrainMetric
from data_contracts.errors import error_class
from data_contracts.quantities import counted
from model.devices import choose_device, gpu_count
from model.training.stop import StopSignals
from tasks.engine.progress import OnProgress
from tasks.engine.workspace import Workspace
from tasks.train.config import TrainConfig

log = logging.getLogger(__name__)

LAUNCHED_BY: Final = "FOLEYGENEX_TRAIN_PID"
"""The environment variable by which a rank knows the process that started it: it ends when that one has ended."""
RANKS_LOG: Final = "ranks.log"
_RANK: Final = "tasks.train.rank"
_STOP_S: Final = 60.0  # for a rank to finish its step and write its state
_LOOK_S: Final = 0.2
_TAIL: Final = 300  # characters of ranks.log in an error


def processes_of(config: TrainConfig) -> int:
    """Returns how many processes a training starts: `processes`; where that is not set, one per GPU, one on a CPU.

    One where it was itself started by `torchrun` or `accelerate launch`, or where the device is one GPU (`cuda:1`).
    Raises UsageError for a device that is not there.
    """
    if "WORLD_SIZE" in os.environ:
        return 1
    device = choose_device(config.device)
    if device.index is not None:
        return 1
    if config.processes is not None:
        return config.processes
    return max(1, gpu_count()) if device.type == "cuda" else 1


def launch_training(
    config: TrainConfig, workspace: Workspace, processes: int, on_progress: OnProgress
) -> list[TrainMetric]:
    """Runs `run_training` in so many ranks and returns the logged rows.

    SIGTERM and SIGINT reach the ranks, which write a state first; a second SIGINT ends them at once. Raises what rank 0
    raised, or TrainingError with the end of `ranks.log` when a rank ended otherwise.
    """
    ranks_log = workspace.stage("train") / RANKS_LOG
    log.info("training runs in %s", counted(processes, "process", "processes"))
    rows: list[TrainMetric] = []
    with StopSignals() as stop, _ranks(config, workspace, processes, ranks_log) as ranks:
        for message in _messages(ranks, stop):
            if "progress" in message:
                on_progress(*message["progress"])
            elif "log" in message:
                log.log(*message["log"])
            elif "error" in message:
                name, text = message["error"]
                raise (error_class(name) or TrainingError)(text)
            elif "rows" in message:
                rows = [TrainMetric.from_dict(row) for row in message["rows"]]
        code = ranks.wait(_STOP_S)
    if code != 0:
        tail = " ".join(ranks_log.read_text("utf-8", "replace")[-_TAIL:].split())
        raise TrainingError(f"a training process ended with code {code}; {ranks_log}: ... {tail}")
    return rows


@contextmanager
def _ranks(
    config: TrainConfig, workspace: Workspace, processes: int, ranks_log: Path
) -> Iterator[subprocess.Popen[str]]:
    """Starts the ranks in a session of their own: a terminal's Ctrl-C reaches this process, which tells them."""
    with (
        tempfile.TemporaryDirectory(prefix="foleygenex-train-") as folder,
        ranks_log.open("w", encoding="utf-8") as err,
    ):
        settings = Path(folder) / "train.json"
        settings.write_text(config.model_dump_json(), encoding="utf-8")
        run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
        # PYTHONSAFEPATH, also of the ranks: a folder tasks/ where the run was started is not imported
        started = subprocess.Popen(
            [sys.executable, *run, "-m", _RANK, str(settings), str(workspace.root)],
            env={**os.environ, LAUNCHED_BY: str(os.getpid()), "PYTHONSAFEPATH": "1"},
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        try:
            yield started
        finally:
            _end(started)


def _messages(ranks: subprocess.Popen[str], stop: StopSignals) -> Iterator[dict[str, Any]]:
    """Yields what rank 0 says until all ranks have ended; sends SIGTERM once when this process is to stop."""
    assert ranks.stdout is not None
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(ranks.stdout, lines), name="ranks", daemon=True).start()
    told = False
    while True:
        if stop() and not told:
            ranks.terminate()
            told = True
        try:
            line = lines.get(timeout=_LOOK_S)
        except queue.Empty:
            continue
        if line is None:
            return
        with suppress(json.JSONDecodeError):
            if isinstance(message := json.loads(line), dict):
                yield message


def _read(stream: IO[str], lines: queue.Queue[str | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


def _end(ranks: subprocess.Popen[str]) -> None:
    """Ends what still runs: in good order if it can within the time of a step, then by force."""
    try:
        if ranks.poll() is None:
            ranks.terminate()
            ranks.wait(_STOP_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        pass
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(ranks.pid, signal.SIGKILL)
        ranks.wait()
