"""Puts what was measured beside the paper's numbers, and says under the table what it is of and what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tasks.commands.paper_tables.extension import folder_of
from tasks.commands.paper_tables.measuring import Key, Measurement
from tasks.evaluate.config import EvaluateConfig
from tasks.evaluate.paper_tables.layout import PaperTable, TableColumn, TableRow
from tasks.evaluate.paper_tables.options import option_line
from tasks.evaluate.paper_tables.result import (
    Measured,
    ResultRow,
    TableCell,
    TableHead,
    TableResult,
    unranked,
    with_best,
)

NOT_NAMED: Final = "not computed: evaluate.systems names no folder or checkpoint"
_OWN: Final = "(not in the paper)"


def compose(
    table: PaperTable, config: EvaluateConfig, named: Mapping[str, tuple[str, ...]], measured: Measurement
) -> TableResult:
    """Returns a table with the paper's numbers and what was measured; `named`: the systems of the settings."""
    heads = tuple(
        TableHead(
            system=column.system.printed if column.system else "",
            name=column.name,
            metric=column.metric,
            higher_is_better=column.higher_is_better,
        )
        for column in table.columns
    )
    values = _Values(measured.values, cut="decimals" in table.options and config.table_options.decimals == "cut")
    rows = [_row(table, row, config, values) for row in table.rows]
    for name in named:
        if name not in table.systems:
            rows += [_own_row(table, name, part, values) for part in table.sizes]
    across = table.has_systems_in_columns
    lines = [
        *(f"evaluate.table_options.{option_line(name, config.table_options)}" for name in table.options),
        *table.notes,
        *measured.lines,
        *_counts(table, rows),
        *_runs(rows, heads),
        *unranked(heads, rows, across=across),
        *_reasons(table, heads, rows),
    ]
    return TableResult(
        number=table.number,
        title=table.title,
        corner=table.corner,
        heads=heads,
        rows=with_best(heads, rows, across=across),
        lines=tuple(dict.fromkeys(lines)),
    )


@dataclass(frozen=True, slots=True)
class _Values:
    """What was measured, and whether it is printed with its further decimals cut off."""

    measured: Mapping[Key, Measured]
    cut: bool

    def cell(self, paper: str | None, column: TableColumn, key: Key) -> TableCell:
        found = self.measured.get(key)
        ours = None if found is None or found.value is None else column.text(found.value, cut=self.cut)
        if found is not None and found.sd is not None:
            ours = f"{ours} ± {column.text(found.sd)}"
        return TableCell(paper=paper, ours=ours, measured=found)


def _row(table: PaperTable, row: TableRow, config: EvaluateConfig, values: _Values) -> ResultRow:
    head, place = row.system.printed if row.system else "", 0
    if table.has_systems_in_columns:
        head, place = f"{row.part}, {folder_of(config.table_options.extension_conditions[row.place])}", row.place
    cells = [
        values.cell(paper, column, (row.part, place, table.system_of(row, column).name, column.metric))
        for paper, column in zip(row.values, table.columns, strict=True)
    ]
    return ResultRow(head=head, part=row.part, cells=tuple(cells))


def _own_row(table: PaperTable, name: str, part: str, values: _Values) -> ResultRow:
    """Returns the row of a system that the paper does not have."""
    cells = [values.cell(None, column, (part, 0, name, column.metric)) for column in table.columns]
    mark = "" if len(table.sizes) == 1 or part == next(iter(table.sizes)) else " *"
    return ResultRow(head=f"{name}{mark} {_OWN}", part=part, cells=tuple(cells))


def _counts(table: PaperTable, rows: list[ResultRow]) -> list[str]:
    """Returns how many clips our numbers are of, and of the paper's where that is another number."""
    lines = []
    for part, size in table.sizes.items():
        measured = [cell.measured for row in rows if row.part == part for cell in row.cells]
        counts = {one.n for one in measured if one is not None and one.value is not None}
        if not counts:
            continue
        ours = " to ".join(f"{n:,}" for n in sorted({min(counts), max(counts)}))
        line = f"ours{'' if len(table.sizes) == 1 else f' ({part})'}: n = {ours} clips"
        if size is not None and counts != {size}:
            line += f"; the paper's: {size:,}, so they are not comparable, least of all an FD, which falls with n"
        lines.append(line)
    return lines


def _runs(rows: list[ResultRow], heads: tuple[TableHead, ...]) -> list[str]:
    """Returns which systems have several runs, and how many."""
    found: dict[int, dict[str, None]] = {}
    for row in rows:
        for head, cell in zip(heads, row.cells, strict=True):
            if cell.measured is not None and cell.measured.runs > 1:
                found.setdefault(cell.measured.runs, {})[head.system or row.head] = None
    return [
        f"{', '.join(names)}: mean ± standard deviation over {runs} runs (seeds), of the clips that all of them have"
        for runs, names in found.items()
    ]


def _reasons(table: PaperTable, heads: tuple[TableHead, ...], rows: list[ResultRow]) -> list[str]:
    """Returns why cells have no number of ours, those of one reason in one line.

    A reason of all of a system's cells names the system, in table 5 with the row unless it is every row's; another
    reason names the columns.
    """
    several = len(table.sizes) > 1
    everywhere = _reasons_by_system(heads, rows)
    where: dict[str, dict[str, None]] = {}
    for row in rows:
        in_row = _reasons_by_system(heads, [row])
        for head, cell in zip(heads, row.cells, strict=True):
            if (why := _why(cell)) is None:
                continue
            name = f"{head.name} ({row.part})" if several else head.name
            if why == NOT_NAMED or (head.system and len(everywhere[head.system]) == 1):
                name = head.system or row.head
            elif len(in_row[head.system]) == 1:
                name = f"{head.system} ({row.head})" if head.system else row.head
            where.setdefault(why, {})[name] = None
    return [f"{', '.join(names)}: {reason}" for reason, names in where.items()]


def _reasons_by_system(heads: tuple[TableHead, ...], rows: list[ResultRow]) -> dict[str, set[str | None]]:
    """Returns the different reasons of each system's cells, None among them where one has a number of ours."""
    found: dict[str, set[str | None]] = {}
    for row in rows:
        for head, cell in zip(heads, row.cells, strict=True):
            found.setdefault(head.system, set()).add(_why(cell))
    return found


def _why(cell: TableCell) -> str | None:
    """Returns why a cell has no number of ours, None where it has one."""
    return NOT_NAMED if cell.measured is None else cell.measured.why
