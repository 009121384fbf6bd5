"""A table with the paper's numbers and ours, as it is written, shown and put into the report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from data_contracts import ContractError
from tasks.engine.workspace import Workspace, read_json, write_json
from tasks.evaluate.columns import COLUMN_OF
from tasks.evaluate.metrics.comparison import SetDistance, why_not_ranked

FOLDER: Final = "tables"
"""Where a workspace keeps its tables."""
_DASH: Final = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was computed for a cell, not scaled: a value, or `why` there is none.

    Of several runs it is the mean over the clips that all have, and `sd` the runs' standard deviation.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    n_reference: int | None = None
    runs: int = 1
    sd: float | None = None
    weights_sha256: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCell:
    """One cell: the paper's number as printed, and ours as it would be printed. `is_best`: of ours, in its column."""

    paper: str | None
    ours: str | None = None
    measured: Measured | None = None
    is_best: bool = False

    @property
    def text(self) -> str:
        """`paper / ours`, with a dash for what is not there."""
        return f"{self.paper or _DASH} / {self.ours or _DASH}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableHead:
    """A column's head. `system` is empty where rows are systems."""

    system: str
    name: str
    metric: str
    higher_is_better: bool

    @property
    def text(self) -> str:
        """System, name and better direction."""
        return f"{self.system} {self.name} {'↑' if self.higher_is_better else '↓'}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """A row: its head, the part of the test set, and its cells."""

    head: str
    part: str
    cells: tuple[TableCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableResult:
    """A table. `lines`: what is said under it: settings, lists, numbers of clips, reasons for empty cells."""

    number: int
    title: str
    corner: str
    heads: tuple[TableHead, ...]
    rows: tuple[ResultRow, ...]
    lines: tuple[str, ...]

    def write(self, workspace: Workspace) -> Path:
        """Writes the table as JSON and returns its path."""
        path = workspace.path(FOLDER, f"table-{self.number}.json")
        write_json(path, asdict(self))
        return path

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Reads what `write` wrote. Raises ContractError for anything else."""
        try:
            heads = tuple(TableHead(**head) for head in data["heads"])
            rows = tuple(ResultRow(**{**row, "cells": tuple(map(_cell, row["cells"]))}) for row in data["rows"])
            return cls(**{**data, "heads": heads, "rows": rows, "lines": tuple(data["lines"])})
        except (KeyError, TypeError) as error:
            raise ContractError(f"no table of the paper: {error}") from error


def written_tables(workspace: Workspace) -> list[Path]:
    """Returns the files of the workspace's tables, in their order."""
    return sorted(workspace.path(FOLDER).glob("table-[1-7].json"))


def read_table_result(path: Path) -> TableResult:
    """Returns a table that was written. Raises UsageError or ContractError for a damaged file."""
    return TableResult.from_json(read_json(path))


def with_best(heads: Sequence[TableHead], rows: Sequence[ResultRow], *, across: bool) -> tuple[ResultRow, ...]:
    """Marks the best of our values where two or more can be compared: those of one part of the test set.

    `across`: systems are in columns, so they are compared within a row. Distances of sets of unequal size are never
    ranked: the distance falls with the number of clips.
    """
    best: set[tuple[int, int]] = set()
    for places in _compared(heads, rows, across=across):
        best |= _best(heads, rows, places)
    return tuple(
        replace(row, cells=tuple(replace(cell, is_best=(r, c) in best) for c, cell in enumerate(row.cells)))
        for r, row in enumerate(rows)
    )


def unranked(heads: Sequence[TableHead], rows: Sequence[ResultRow], *, across: bool) -> list[str]:
    """Returns why columns of distances have no best value."""
    found = []
    for places in _compared(heads, rows, across=across):
        distances = _distances(heads, rows, places)
        if distances and (reason := why_not_ranked(distances)):
            found.append(f"{heads[places[0][1]].name}: {reason}")
    return found


def _compared(
    heads: Sequence[TableHead], rows: Sequence[ResultRow], *, across: bool
) -> Iterator[list[tuple[int, int]]]:
    """Yields the (row, column) places of our values that one metric and one part of the test set have."""
    groups: dict[tuple[object, ...], list[tuple[int, int]]] = {}
    for r, row in enumerate(rows):
        for c, cell in enumerate(row.cells):
            if cell.measured is not None and cell.measured.value is not None:
                groups.setdefault((heads[c].metric, row.part, r if across else ""), []).append((r, c))
    yield from (places for places in groups.values() if len(places) > 1)


def _best(heads: Sequence[TableHead], rows: Sequence[ResultRow], places: list[tuple[int, int]]) -> set[tuple[int, int]]:
    distances = _distances(heads, rows, places)
    if distances and why_not_ranked(distances):
        return set()
    values = {place: _measured(rows, place).value or 0.0 for place in places}
    better = max if heads[places[0][1]].higher_is_better else min
    return {place for place, value in values.items() if value == better(values.values())}


def _distances(
    heads: Sequence[TableHead], rows: Sequence[ResultRow], places: list[tuple[int, int]]
) -> dict[str, SetDistance]:
    """Returns the distances by system; none where the metric is no distance between sets."""
    column = COLUMN_OF.get(heads[places[0][1]].metric)
    if column is None or not column.is_distance:
        return {}
    found = {}
    for r, c in places:
        one = _measured(rows, (r, c))
        name = heads[c].system or rows[r].head
        found[name] = SetDistance(value=one.value or 0.0, n=one.n, n_reference=one.n_reference or 0)
    return found


def _measured(rows: Sequence[ResultRow], place: tuple[int, int]) -> Measured:
    measured = rows[place[0]].cells[place[1]].measured
    assert measured is not None
    return measured


def _cell(data: dict[str, Any]) -> TableCell:
    measured = data["measured"]
    return TableCell(**{**data, "measured": None if measured is None else Measured(**measured)})
