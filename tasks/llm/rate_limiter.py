"""How many requests may be in flight: halved when the server says "too many requests", raised slowly after successes.

Additive increase, multiplicative decrease, as TCP does. The waits that the server asks for are kept.
"""

from __future__ import annotations

import asyncio
import email.utils
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

log = logging.getLogger(__name__)

_LONGEST_PAUSE_S: Final = 60.0  # when the server does not say how long to wait
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(slots=True)
class RateLimiter:
    """Lets at most `limit` requests run at once, which starts at `most` and never exceeds it.

    `wait_s` is the first pause after a 429 that does not say how long to wait. `clock` and `sleep` are for tests.
    """

    most: int
    wait_s: float = 0.5
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    limit: float = field(init=False)
    _running: int = 0
    _rounds_limited: int = 0
    _cut_at: float = float("-inf")
    _not_before: float = float("-inf")
    _free: asyncio.Condition = field(default_factory=asyncio.Condition)

    def __post_init__(self) -> None:
        self.limit = float(self.most)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[float]:
        """Waits for a free slot and for the end of a pause; yields the time of the start."""
        async with self._free:
            await self._free.wait_for(lambda: self._running < int(self.limit))
            self._running += 1
        try:
            while (wait := self._not_before - self.clock()) > 0:
                await self.sleep(wait)
            yield self.clock()
        finally:
            async with self._free:
                self._running -= 1
                self._free.notify_all()

    def limited(self, started: float, retry_after_s: float | None) -> None:
        """Records a 429: halves the limit, once for all requests that were in flight together, and pauses."""
        new_round = started >= self._cut_at
        if new_round:
            self.limit = max(1.0, self.limit / 2)
            self._cut_at = self.clock()
            self._rounds_limited += 1
        pause_s = retry_after_s
        if pause_s is None:
            pause_s = min(_LONGEST_PAUSE_S, self.wait_s * 2.0 ** (self._rounds_limited - 1))
        if new_round:
            log.info("the server limits the rate: no request for %.1f s, then %d at a time", pause_s, int(self.limit))
        self.pause(pause_s)

    def succeeded(self, headers: Mapping[str, str]) -> None:
        """Records a success: one more slot per full round of successes; pauses when the quota has run out."""
        self._rounds_limited = 0
        self.limit = min(float(self.most), self.limit + 1.0 / self.limit)
        for kind in ("requests", "tokens"):
            left, reset = headers.get(f"x-ratelimit-remaining-{kind}"), headers.get(f"x-ratelimit-reset-{kind}")
            if left is not None and left.strip() == "0" and (seconds := duration_s(reset or "")) is not None:
                self.pause(seconds)

    def pause(self, seconds: float) -> None:
        """Lets no request start for that long."""
        self._not_before = max(self._not_before, self.clock() + seconds)


def retry_after_s(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """Returns the wait that a reply asks for: `retry-after-ms`, `retry-after` in seconds or as a date; None without."""
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    if (seconds := _number(text)) is not None or text is None:
        return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now())
    except (TypeError, ValueError):
        return None


def duration_s(text: str) -> float | None:
    """Returns the seconds of "6m0s", "20ms" or "1.5"; None when it is something else."""
    if (plain := _number(text)) is not None:
        return plain
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and 0 <= value < float("inf") else None
