"""How long-running work says how far it is: one callback type for the terminal, the UI and the log."""

from __future__ import annotations

from collections.abc import Callable

OnProgress = Callable[[int, int, str], None]
"""Called with units done, units in all, and a short note (may be empty), e.g. `(40, 100, "loss 2.101")`."""


def silent(done: int, total: int, note: str) -> None:
    """A progress callback that does nothing."""
