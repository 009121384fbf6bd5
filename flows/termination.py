"""SIGTERM ends a command within seconds, also when Prefect still tries to reach a server that has ended."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Final

GRACE_S: Final = 10.0  # as long as Docker waits before it kills
TERMINATED: Final = 128 + signal.SIGTERM


def end_on_sigterm(grace_s: float = GRACE_S) -> None:
    """Makes SIGTERM end this process: normally if that takes less than `grace_s`, then at once.

    Nothing is lost: every finished item is in the journal. A signal sent to the whole process group (`timeout`,
    systemd) also ends the server that a run started for itself, and Prefect would then retry its requests for minutes.
    Call this in the main thread.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)  # gets each signal, whoever handles it
    threading.Thread(target=_watch, args=(read, grace_s), name="sigterm", daemon=True).start()


def _watch(read: int, grace_s: float) -> None:
    while signal.SIGTERM not in os.read(read, 64):
        pass
    time.sleep(grace_s)
    sys.stderr.write("error: terminated; the same command continues where this one stopped\n")
    sys.stderr.flush()
    os._exit(TERMINATED)
