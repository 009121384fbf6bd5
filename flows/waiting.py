"""Waits that are bounded, and that say what they wait for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from data_contracts.errors import InUseError, ServiceError
from data_contracts.quantities import duration_text
from tasks.engine.workspace_lock import Holder, acquire, ended_holder

SILENT_S: Final = 5.0
SAY_EVERY_S: Final = 300.0
_LOOK_EVERY_S: Final = 5.0


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


@contextmanager
def acquired(
    workspace: Path,
    what: str,
    say: Callable[[str], None],
    *,
    run: str | None = None,
    wait_s: float = 0.0,
    say_every_s: float = SAY_EVERY_S,
    look_every_s: float = _LOOK_EVERY_S,
) -> Iterator[Holder | None]:
    """Keeps other runs out of a workspace while the block runs, as `acquire`; waits up to `wait_s` for one that has it.

    Says every `say_every_s` who that is. Yields the run before that was killed in the workspace, None when none was.
    Raises InUseError when the workspace is still in use at the end of the wait.
    """
    started_s, said_s = time.monotonic(), float("-inf")
    with ExitStack() as stack:
        while True:
            ended = ended_holder(workspace)
            try:
                stack.enter_context(acquire(workspace, what, run=run))
                break
            except InUseError as error:
                waited_s = time.monotonic() - started_s
                left_s = wait_s - waited_s
                if left_s <= 0:
                    if not wait_s:
                        raise
                    raise InUseError(f"waited {duration_text(wait_s)}: {error}") from error
                if waited_s - said_s >= say_every_s:
                    said_s = waited_s
                    say(f"waiting for the workspace, {duration_text(left_s)} at most: {error}")
                time.sleep(min(look_every_s, left_s))
        yield ended
