"""Starts a stage again after a fault that may pass by itself: nobody is there at night to do it."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from typing import Final, TypeVar

import httpx

from data_contracts import FoleyGenExError, ServiceError
from data_contracts.quantities import duration_text
from flows.runs import announce

FIRST_DELAY_S: Final = 60.0
_OF_A_NETWORK: Final = frozenset({
    errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENOTCONN,
    errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.EREMOTEIO, errno.EAGAIN, errno.EBUSY,
})  # fmt: skip
"""Faults of a network or of a file system behind one. A full disk is none of them."""
_T = TypeVar("_T")


class CrashedRunError(FoleyGenExError):
    """A stage's run on a work pool whose process has ended without a word: killed, or its machine is gone."""


def may_pass(error: Exception) -> bool:
    """Whether the same work may succeed later: a service, a network or a worker failed, not the work."""
    if isinstance(error, OSError):
        return error.errno in _OF_A_NETWORK
    return isinstance(error, ServiceError | CrashedRunError | httpx.TransportError)


def retried(work: Callable[[], _T], *, name: str, retries: int, first_delay_s: float = FIRST_DELAY_S) -> _T:
    """Returns what `work` returns; calls it again, up to `retries` times, after a fault that may pass.

    The first delay is `first_delay_s`, each further one twice the one before. Raises the last fault, and any other at
    once.
    """
    for retry in range(retries):
        try:
            return work()
        except Exception as error:
            if not may_pass(error):
                raise
            delay_s = first_delay_s * 2**retry
            announce(f"{name}: {error}; retry {retry + 1} of {retries} in {duration_text(delay_s)}")
            time.sleep(delay_s)
    return work()
