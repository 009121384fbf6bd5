"""What a stage loads once per process: for all its threads, and in a worker for all shards that come to it."""

from __future__ import annotations

import threading
import uuid
import weakref
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_lock = threading.RLock()
_held: dict[str, tuple[Hashable, Any]] = {}
"""Of the stage that used it last: its name -> key and value. Networks take gigabytes, so there is one at most."""


class Kept(Generic[T]):
    """A place for what `load` returns. A copy in a worker process stands for the same place there.

    The process that made it forgets the value with it; a worker, when another stage loads something, or at its end.
    """

    def __init__(self, name: str = "") -> None:
        self._name = name or uuid.uuid4().hex
        if not name:
            weakref.finalize(self, _held.pop, self._name, None)

    def get(self, load: Callable[[], T], key: Hashable = None) -> T:
        """Returns what was loaded for `key`, loading it where the last one was for another key or stage.

        Other threads wait for it meanwhile.
        """
        with _lock:
            known = _held.get(self._name)
            if known is not None and known[0] == key:
                value: T = known[1]
                return value
            _held.clear()
            value = load()
            _held[self._name] = (key, value)
            return value

    def __reduce__(self) -> tuple[type[Kept[T]], tuple[str]]:
        return Kept, (self._name,)
