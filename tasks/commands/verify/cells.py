"""Cells of CSV files that people open in a spreadsheet: none is taken for a formula, and the text comes back."""

from __future__ import annotations

from typing import Final

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def plain_cell(text: str) -> str:
    """Returns a cell that no spreadsheet takes for a formula: a dangerous first character gets an apostrophe."""
    return f"'{text}" if text.startswith(("'", *_FORMULA_STARTS)) else text


def typed_cell(cell: str) -> str:
    """Returns what `plain_cell` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(("'", *_FORMULA_STARTS)) else cell
