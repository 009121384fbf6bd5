"""The circuit breaker: when most requests fail, no more are sent, until after a pause one probe succeeds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

log = logging.getLogger(__name__)

WINDOW: Final = 20  # the latest requests, whose share of failures counts
LEAST: Final = 10  # requests before a share is one: more than the tries of one prompt in a row
SHARE: Final = 0.75  # of failures; a server that fails one time in five reaches it about never


class DownError(Exception):
    """The server counts as down: no further request is sent."""


@dataclass(slots=True)
class CircuitBreaker:
    """Closed: requests pass. Open: they wait `wait_s`, then one probes. After `probes` failed probes: down.

    The pause doubles with each failed probe. `clock` and `sleep` are for tests.
    """

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
        """Waits until a request may be sent; True when it is the probe. Raises DownError when the server is down."""
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
        """Records a request that the server replied to, even with "too many requests"."""
        if probe:
            log.info("the language model answers again")
            self._state, self._failed_probes = "closed", 0
            self._window.clear()
            self._settled.set()
        elif self._state == "closed":
            self._window.append(True)

    def failure(self, trouble: str, *, probe: bool) -> None:
        """Records a request that failed."""
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
        """Records a request that ended for reasons of ours: if it was the probe, the next request is."""
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
        log.warning("most requests to the language model fail (%s); trying again in %.0f s", self.trouble, wait)
        self._state, self._until = "open", self.clock() + wait
        self._settled.set()
