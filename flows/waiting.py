"""Waits that are bounded, and that say what they wait for after a few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from data_contracts.errors import ServiceError

SILENT_S: Final = 5.0


class Waiting:
    """One wait: `pause` is called until what is waited for is there; raises ServiceError after `timeout_s`."""

    def __init__(self, what: str, say: Callable[[str], None], *, timeout_s: float, silent_s: float = SILENT_S) -> None:
        self._what, self._say = what, say
        self._timeout_s, self._silent_s = timeout_s, silent_s
        self._started_s = time.monotonic()
        self._said = False

    def pause(self, seconds: float) -> None:
        """Sleeps; says once what is waited for. Raises ServiceError when the time is over."""
        waited_s = time.monotonic() - self._started_s
        if waited_s >= self._timeout_s:
            raise ServiceError(f"waited {waited_s:.0f} s for {self._what}, without an answer")
        if waited_s >= self._silent_s and not self._said:
            self._said = True
            self._say(f"waiting for {self._what} (at most {self._timeout_s:.0f} s)")
        time.sleep(seconds)
