"""The rows, columns and numbers of tables 1-7, read from the package's data.

A cell belongs to a system, a part of the test set and a metric. In tables 1-4, 6 and 7 the row names the system; in
table 5 the columns do, and rows are sizes of the test set with the conditions that are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import yaml

from data_contracts import UsageError
from data_contracts.generation import TaskName

ALL: Final = "all"
FILTERED: Final = "filtered"
NUMBERS: Final = tuple(range(1, 8))
_EXACT: Final = 9  # decimals of a value that are not a float's rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSystem:
    """A system as the table prints it, the name that settings call it by, and the variant that its weights need."""

    printed: str
    name: str
    variant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """A column. `printed`: its head in the paper's text; `metric`: what computes it; printed = computed x `scale`."""

    name: str
    printed: str
    metric: str
    higher_is_better: bool
    scale: float
    decimals: int
    system: TableSystem | None = None

    def text(self, value: float, *, cut: bool = False) -> str:
        """Returns a computed value with the table's decimals, rounded or with the other decimals cut off."""
        scaled = self.scale * value
        if not cut:
            return f"{scaled:.{self.decimals}f}"
        exact = Decimal(repr(round(scaled, _EXACT)))  # so that 0.29 is not 0.28999...
        return str(exact.quantize(Decimal(1).scaleb(-self.decimals), ROUND_DOWN))


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """A row. `part`: which part of the test set; `place`: its number among the rows of that part, from 0.

    `values` are the paper's numbers as text, None where it has none.
    """

    part: str
    place: int
    values: tuple[str | None, ...]
    system: TableSystem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperTable:
    """One table. `sizes`: part of the test set -> number of clips in the paper, None where it does not say.

    `options`: the settings of `TableOptions` that act on it; `notes`: what else the paper leaves open.
    """

    number: int
    title: str
    task: TaskName
    corner: str
    sizes: dict[str, int | None]
    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]
    options: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def systems(self) -> dict[str, TableSystem]:
        """The systems by name, in the table's order; of several rows of one system the first."""
        found: dict[str, TableSystem] = {}
        for system in (*(row.system for row in self.rows), *(column.system for column in self.columns)):
            if system is not None:
                found.setdefault(system.name, system)
        return found

    @property
    def metrics(self) -> tuple[str, ...]:
        """What is computed, in the table's order."""
        return tuple(dict.fromkeys(column.metric for column in self.columns))

    @property
    def has_systems_in_columns(self) -> bool:
        """Whether columns, not rows, are systems: table 5."""
        return self.columns[0].system is not None

    def system_of(self, row: TableRow, column: TableColumn) -> TableSystem:
        """Returns the system of a cell."""
        system = row.system or column.system
        assert system is not None
        return system


def paper_table(number: int) -> PaperTable:
    """Returns a table of the paper. Raises UsageError for a number that it does not have."""
    tables = _tables()
    if number not in tables:
        raise UsageError(f"the paper has no table {number}; its tables are {NUMBERS[0]} to {NUMBERS[-1]}")
    return tables[number]


@lru_cache(1)
def _tables() -> dict[int, PaperTable]:
    text = (files("tasks.evaluate.paper_tables") / "tables.yaml").read_text("utf-8")
    return {number: _table(number, data) for number, data in yaml.safe_load(text).items()}


def _table(number: int, data: dict[str, Any]) -> PaperTable:
    columns = [_column(column) for column in data["columns"]]
    if "systems" in data:
        systems = [_system(system) for system in data["systems"]]
        columns = [_column(column, system) for system in systems for column in data["columns"]]
    rows = [_row(row, data["rows"][:place]) for place, row in enumerate(data["rows"])]
    assert all(len(row.values) == len(columns) for row in rows), f"table {number}: a row has too few or many values"
    return PaperTable(
        number=number,
        title=data["title"],
        task=data["task"],
        corner=data["corner"],
        sizes=data["sets"],
        columns=tuple(columns),
        rows=tuple(rows),
        options=tuple(data.get("options", ())),
        notes=tuple(note.strip() for note in data.get("notes", ())),
    )


def _system(data: dict[str, Any]) -> TableSystem:
    return TableSystem(printed=data["printed"], name=data["system"], variant=data.get("variant"))


def _column(data: dict[str, Any], system: TableSystem | None = None) -> TableColumn:
    return TableColumn(
        name=data["name"],
        printed=data["printed"],
        metric=data["metric"],
        higher_is_better=not data.get("lower", False),
        scale=float(data.get("scale", 1)),
        decimals=data["decimals"],
        system=system,
    )


def _row(data: dict[str, Any], before: list[dict[str, Any]]) -> TableRow:
    part = data.get("set", ALL)
    return TableRow(
        part=part,
        place=sum(one.get("set", ALL) == part for one in before),
        values=tuple(data["values"]),
        system=_system(data) if "system" in data else None,
    )
