"""Which rows the model writes when the budget does not reach for all."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.engine.workspace import hash_text


def select_evenly(ids: Sequence[str], count: int | None) -> frozenset[str]:
    """Returns `count` of the ids (None: all), the first by hash: the same whatever the order, growing with `count`."""
    if count is None:
        return frozenset(ids)
    return frozenset(sorted(ids, key=hash_text)[:count])
