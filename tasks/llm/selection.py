"""Splits a limited LLM budget evenly over the items, instead of spending it on the first of the table."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.engine.workspace import hash_text


def select_evenly(ids: Sequence[str], count: int | None) -> frozenset[str]:
    """Returns `count` of the ids (None: all) by their hashes: the same in any order, a superset for a larger count."""
    return frozenset(ids if count is None else sorted(ids, key=hash_text)[:count])
