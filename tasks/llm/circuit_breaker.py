"""The circuit breaker: when most requests fail, stop asking, wait, let one probe through, and only then go on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

log = logging.getLogger(__name__)

WINDOW: Final = 20  # attempts looked back at
LEAST: Final = 10  # attempts before a rate is one: more than one prompt tries in a row
SHARE: Final = 0.75  # failed; an endpoint that fails one time in five opens it about never


class DownError(Exception):
    """The server counts as down: no further request is made."""


@dataclass(slots=True)
class CircuitBreaker:
    """Closed: requests pass. Open: they wait `wait_s`, then one probes. After `probes` failed probes: down."""

    wait_s: float
    probes: int
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    trouble: str = ""
    _window: deque[bool] = field(default_factory=lambda: deque(maxlen=WINDOW))
    _state: str = "closed"  # closed, open, probing, down
    _until: float = 0.0
    _failed_probes: int = 0
    _settled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def closed(self) -> bool:
        """Whether requests pass freely."""
        return self._state == "closed"

    @property
    def down(self) -> bool:
        """Whether the server counts as down."""
        return self._state == "down"

    async def permit(self) -> bool:
        """Waits until a request may be made; True when it is the probe. Raises DownError when the server is down."""
        while True:
            if self._state == "down":
                raise DownError(self.trouble)
            if self._state == "closed":
                return False
            if self._state == "open" and self.clock() >= self._until:
                self._state = "probing"
                self._settled.clear()
                return True
            if self._state == "open":
                await self.sleep(self._until - self.clock())
            else:
                await self._settled.wait()

    def success(self, *, probe: bool) -> None:
        """Takes in a request that was answered, even with "too many": the server is there."""
        if probe:
            log.info("the language model answers again")
            self._state, self._failed_probes = "closed", 0
            self._window.clear()
            self._settled.set()
        elif self._state == "closed":
            self._window.append(True)

    def failure(self, trouble: str, *, probe: bool) -> None:
        """Takes in a request that failed."""
        self.trouble = trouble
        if probe:
            self._failed_probes += 1
            self._open()
        elif self._state == "closed":
            self._window.append(False)
            failed = self._window.count(False)
            if len(self._window) >= LEAST and failed >= SHARE * len(self._window):
                self._open()

    def cancelled(self, *, probe: bool) -> None:
        """Takes in a request that was given up for reasons of ours: the next one probes."""
        if probe and self._state == "probing":
            self._state = "open"
            self._settled.set()

    def give_up(self, trouble: str) -> None:
        """Counts the server as down from now on."""
        self.trouble, self._state = trouble, "down"
        self._settled.set()

    def _open(self) -> None:
        if self._failed_probes >= self.probes:
            self.give_up(self.trouble)
            return
        wait = self.wait_s * 2.0**self._failed_probes
        log.warning("most requests to the language model fail (%s); asking again in %.0f s", self.trouble, wait)
        self._state, self._until = "open", self.clock() + wait
        self._settled.set()
