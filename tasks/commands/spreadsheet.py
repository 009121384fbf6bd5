"""CSV files that people open in a spreadsheet: no cell is taken for a formula, and the text comes back unchanged."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from data_contracts import UsageError
from data_contracts.files import atomic_path

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def plain_cell(text: str) -> str:
    """Returns a cell that no spreadsheet takes for a formula: a dangerous first character gets an apostrophe."""
    return f"'{text}" if text.startswith(("'", *_FORMULA_STARTS)) else text


def typed_cell(cell: str) -> str:
    """Returns the text that `plain_cell` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(("'", *_FORMULA_STARTS)) else cell


def write_cells(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes a CSV by renaming a temporary file; text cells are made safe, numbers are written as they are."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in rows:
            cells = [row[column] for column in columns]
            writer.writerow([plain_cell(cell) if isinstance(cell, str) else cell for cell in cells])


def read_cells(path: Path, columns: Sequence[str], hint: str) -> list[tuple[str, dict[str, str]]]:
    """Returns (`PATH, line N`, text by column) per row; the file may have more columns than `columns`.

    Raises UsageError when the file is missing (`hint` says how to get it), is not a UTF-8 CSV, or lacks a column.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            return [_typed(cells, columns, f"{path}, line {reader.line_num}") for cells in reader]
    except FileNotFoundError as error:
        raise UsageError(f"{path} is missing; {hint}") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read as a UTF-8 CSV ({error})") from error


def _typed(cells: Mapping[str, str | None], columns: Sequence[str], where: str) -> tuple[str, dict[str, str]]:
    if missing := [name for name in columns if cells.get(name) is None]:
        there = ", ".join(repr(name) for name, text in cells.items() if isinstance(text, str))
        raise UsageError(f"{where}: column {missing[0]!r} is missing; expected {', '.join(columns)}; it has {there}")
    return where, {name: typed_cell(text) for name, text in cells.items() if isinstance(text, str)}
