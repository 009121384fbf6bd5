"""A table for the terminal and as Markdown: each cell has the paper's number and ours."""

from __future__ import annotations

import re
from typing import Final

from tasks.commands.evaluate.terminal import aligned
from tasks.evaluate.paper_tables.result import TableCell, TableResult

LEGEND: Final = "paper / ours; – is no number; * marks the best of ours where they can be compared"
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")


def text(table: TableResult) -> str:
    """Returns the table with aligned columns, and below it how to read it."""
    rows = [
        [table.corner, *(head.text for head in table.heads)],
        *([row.head, *map(_cell, row.cells)] for row in table.rows),
    ]
    lines = "\n".join(f"- {line}" for line in table.lines)
    return f"Table {table.number}: {table.title}\n{LEGEND}\n\n{aligned(rows)}\n\n{lines}"


def markdown(table: TableResult) -> str:
    """Returns the table as Markdown, its best values in bold."""
    heads = [table.corner, *(head.text for head in table.heads)]
    rows = [[escaped(row.head), *map(_bold, row.cells)] for row in table.rows]
    lines = [
        f"**Table {table.number}: {escaped(table.title)}** (paper / ours; best of ours in bold)\n",
        _line(list(map(escaped, heads))),
        _line(["---", *["---:"] * len(table.heads)]),
        *map(_line, rows),
        "",
        *(f"- {escaped(line)}" for line in table.lines),
    ]
    return "\n".join(lines) + "\n"


def escaped(words: str) -> str:
    """Returns text that Markdown shows as it is, in one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(words.split())).replace("://", r":\//")


def _cell(cell: TableCell) -> str:
    return f"{cell.text}{'*' if cell.is_best else ''}"


def _bold(cell: TableCell) -> str:
    paper, ours = cell.text.split(" / ")
    return f"{paper} / **{ours}**" if cell.is_best else cell.text


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
