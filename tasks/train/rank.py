"""One rank of a training that the train stage has launched: `torchrun -m tasks.train.rank SETTINGS.json WORKSPACE`."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from data_contracts import FoleyGenExError
from tasks.engine.progress import silent
from tasks.engine.workspace import Workspace
from tasks.train.config import TrainConfig
from tasks.train.job import run_training
from tasks.train.launch import LAUNCHED_BY

_LOOK_EVERY_S: Final = 1.0


class _MessageHandler(logging.Handler):
    """Sends log records to the process that launched the ranks."""

    def emit(self, record: logging.LogRecord) -> None:
        say("log", [record.levelno, record.getMessage()])


def main(arguments: Sequence[str]) -> int:
    """Trains. Returns the exit code; an error of this project is said by rank 0."""
    settings, folder = arguments
    is_main = os.environ.get("RANK", "0") == "0"
    logging.basicConfig(level=logging.INFO, handlers=[_MessageHandler() if is_main else logging.NullHandler()])
    _end_with(int(os.environ[LAUNCHED_BY]))
    config = TrainConfig.model_validate_json(Path(settings).read_text("utf-8"))
    try:
        rows = run_training(config, Workspace(Path(folder)), _progress if is_main else silent)
    except FoleyGenExError as error:
        if is_main:
            say("error", [type(error).__name__, str(error)])
        return error.exit_code
    finally:
        leave()
    if is_main:
        say("rows", [row.to_dict() for row in rows])
    return 0


def say(what: str, value: Any) -> None:
    """Writes one message to the process that launched the ranks."""
    sys.stdout.write(json.dumps({what: value}) + "\n")
    sys.stdout.flush()


def leave() -> None:
    """Leaves the group of processes; without this, torch warns at the end."""
    import torch.distributed as dist

    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def _progress(done: int, total: int, note: str) -> None:
    say("progress", [done, total, note])


def _end_with(pid: int, end: Callable[[int], None] = os._exit) -> None:
    """Ends this process when the one that launched the ranks has ended, also by SIGKILL: its locks are free then."""

    def watch() -> None:
        while _is_alive(pid):
            time.sleep(_LOOK_EVERY_S)
        end(1)

    threading.Thread(target=watch, name="launcher", daemon=True).start()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
