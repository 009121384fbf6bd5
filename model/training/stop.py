"""SIGTERM and SIGINT during a training: the step is finished and its state written before the signal takes effect."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Final, Self

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class StopSignals:
    """While the block runs, a signal only sets `received`; at the block's end it takes its usual effect.

    With `impatient` a second SIGINT takes effect at once: a person has pressed Ctrl-C twice. A launcher of several
    processes sends the same signal twice by itself. Outside of the main thread signals stay as they are. A wakeup file
    descriptor (a timer that ends the process some seconds after a signal) hears of the signal at the block's end only.
    """

    def __init__(self, *, impatient: bool = True) -> None:
        self.received: signal.Signals | None = None
        self._impatient = impatient
        self._before: dict[signal.Signals, Any] = {}
        self._wakeup = -1

    def __call__(self) -> bool:
        """Whether the training is to stop."""
        return self.received is not None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._wakeup = signal.set_wakeup_fd(-1)
            self._before = {one: signal.signal(one, self._note) for one in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        received = self.received
        self._restore()
        if received is not None and error is None:
            signal.raise_signal(received)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        repeated, self.received = self.received, signal.Signals(number)
        if repeated and self._impatient and number == signal.SIGINT:
            self._restore()
            signal.raise_signal(number)

    def _restore(self) -> None:
        before, self._before = self._before, {}
        for one, handler in before.items():
            signal.signal(one, handler)
        if before:
            signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
