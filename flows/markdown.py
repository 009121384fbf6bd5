"""Markdown for the UI from text of any origin: nothing in it becomes a mark, a link or a picture."""

from __future__ import annotations

from collections.abc import Sequence

from data_contracts.secrets import masked


def plain(text: str, most: int = 300) -> str:
    """Returns untrusted text for a table cell: no line breaks, no cell ends, no markup, no secret."""
    cleaned = "".join(c if c.isprintable() else " " for c in masked(text)[:most])
    for mark in "\\|`<>[]*_~!":
        cleaned = cleaned.replace(mark, f"\\{mark}")
    return cleaned.replace("://", ":\\//")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns the lines of a table; none without rows. Cells must be `plain` where their text is not this project's."""
    if not rows:
        return []
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]
