"""A command in a terminal of its own, as a person has it: Ctrl-C goes to its whole process group."""

from __future__ import annotations

import os
import pty
import select
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.conftest import REPOSITORY

CTRL_C = b"\x03"


@dataclass
class Terminal:
    """The terminal's main end, the command's process id, and what the command has written so far."""

    command: Sequence[str]
    environment: Mapping[str, str]
    output: str = ""
    pid: int = field(init=False)
    main: int = field(init=False)

    def __enter__(self) -> Terminal:
        self.pid, self.main = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a suite in the background of a shell ignores it
            os.chdir(REPOSITORY)
            os.execvpe(self.command[0], list(self.command), {**os.environ, **self.environment})
        return self

    def __exit__(self, *_: object) -> None:
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.main)

    def wait_for(self, text: str, *, timeout_s: float = 120) -> None:
        """Reads until the command has written `text`."""
        deadline = time.monotonic() + timeout_s
        while text not in self.output:
            assert time.monotonic() < deadline, f"no {text!r} in {self.output}"
            assert self._read(), self.output

    def press(self, keys: bytes) -> None:
        """Types."""
        os.write(self.main, keys)

    def end(self, *, timeout_s: float = 240) -> int:
        """Reads to the command's end; returns its exit code."""
        deadline = time.monotonic() + timeout_s
        while self._read():
            assert time.monotonic() < deadline, self.output
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)

    def _read(self) -> bool:
        """Reads what there is within a moment; returns whether the terminal is still open."""
        if not select.select([self.main], [], [], 0.05)[0]:
            return True
        try:
            data = os.read(self.main, 65536)
        except OSError:  # how Linux says that the last process has closed it
            return False
        self.output += data.decode("utf-8", "replace")
        return bool(data)
