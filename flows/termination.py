"""Ctrl-C and SIGTERM end a command within seconds, with one line, whatever it waits for.

Nothing is lost: every finished item is in the journal. Prefect would wait for running shards, and retry its requests
for minutes once a signal to the whole process group has ended what answers them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

INTERRUPT_GRACE_S: Final = 1.5
TERMINATION_GRACE_S: Final = 10.0  # as long as Docker waits before it kills
TERMINATED: Final = 128 + signal.SIGTERM
_CONTINUES: Final = "the same command continues where this one stopped"
INTERRUPTED_LINE: Final = f"error: interrupted; {_CONTINUES}"
TERMINATED_LINE: Final = f"error: terminated; {_CONTINUES}"
_NO_SWITCH_S: Final = 3600.0  # for which a thread that becomes ready waits before it asks the running one to pause
_SHOW_CURSOR: Final = "\r\x1b[2K\x1b[?25h"  # a progress bar has hidden it


class Ending:
    """How this process ends after a signal: by itself within a grace period, else by force. Its line is said once."""

    def __init__(self, *, interrupt_grace_s: float, termination_grace_s: float) -> None:
        self._interrupt_grace_s, self._termination_grace_s = interrupt_grace_s, termination_grace_s
        self._said = False
        self._lock = threading.Lock()

    def say(self, line: str) -> None:
        """Writes the line on the terminal unless one has been written."""
        with self._lock:
            if not self._said:
                write_last_line(line)
            self._said = True

    def watch(self, signals: int) -> None:
        """Ends the process after a signal whose number can be read from `signals`; a second Ctrl-C ends it at once."""
        interrupted = False
        while True:
            for number in os.read(signals, 64):
                if number == signal.SIGINT:
                    wait_s = 0.0 if interrupted else self._interrupt_grace_s
                    interrupted = True
                    self._end_after(wait_s, INTERRUPTED_LINE, 1)
                elif number == signal.SIGTERM:
                    self._end_after(self._termination_grace_s, TERMINATED_LINE, TERMINATED)

    def _end_after(self, wait_s: float, line: str, code: int) -> None:
        def end() -> None:
            time.sleep(wait_s)
            end_now(code, lambda: self.say(line))

        threading.Thread(target=end, name="end", daemon=True).start()


def end_on_signals(
    interrupt_grace_s: float = INTERRUPT_GRACE_S, termination_grace_s: float = TERMINATION_GRACE_S
) -> Ending:
    """Makes Ctrl-C and SIGTERM end this process: normally within the grace period, then by force.

    SIGTERM raises SystemExit in the main thread, so that temporary folders are removed. Call this in the main thread.
    """
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)  # gets each signal, whoever handles it
    ending = Ending(interrupt_grace_s=interrupt_grace_s, termination_grace_s=termination_grace_s)
    started_by = os.getpid()

    def end(_number: int, _frame: object) -> None:
        if os.getpid() != started_by:  # a forked worker, in whose first moments an exception would be lost
            os._exit(TERMINATED)
        ending.say(TERMINATED_LINE)
        sys.exit(TERMINATED)

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=ending.watch, args=(read,), name="signals", daemon=True).start()
    return ending


def write_last_line(line: str) -> None:
    """Writes a line to the standard error stream; in a terminal in place of a progress bar, the cursor shown again.

    Not by `sys.stderr`: while a bar is shown, that is the bar's, which draws itself again after each line.
    """
    restored = _SHOW_CURSOR if os.isatty(2) else ""
    os.write(2, f"{restored}{line}\n".encode())


def end_now(code: int, say: Callable[[], None]) -> None:
    """Calls `say`, then ends this process and those that it has started, without waiting for anything.

    Once a program is killed, no other thread runs any more: it would record the program's item as failed.
    """
    pids = {child.pid for child in multiprocessing.active_children() if child.pid} | set(_children())
    say()
    sys.setswitchinterval(_NO_SWITCH_S)
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    os._exit(code)


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Keeps Ctrl-C from the processes that this thread starts in the block: they inherit the thread's signal mask.

    A terminal sends it to the whole process group. A worker process would print a traceback, and a killed `sox` would
    look like a file that cannot be processed. The command itself still gets the signal.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _children() -> list[int]:
    """Returns the process ids of this process's children, where the system lists them (Linux)."""
    found: list[int] = []
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found += [int(pid) for pid in path.read_text().split()]
    return found
