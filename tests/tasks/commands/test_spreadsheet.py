"""Cells that a spreadsheet cannot take for formulas, and that come back as they were."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import UsageError
from tasks.commands.spreadsheet import plain_cell, read_cells, typed_cell, write_cells

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=40)


@given(st.text())
def test_no_cell_is_a_formula_and_none_is_changed(text: str) -> None:
    cell = plain_cell(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")) and typed_cell(cell) == text


@given(st.text())
def test_a_cell_that_a_person_typed_is_taken_as_it_is(text: str) -> None:
    """Only what `plain_cell` may have written is changed; an apostrophe before anything else belongs to the text."""
    assert typed_cell(text) == text or plain_cell(typed_cell(text)) == text


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5))
def test_rows_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("cells") / "table.csv"
    written = [{"a": first, "b": second} for first, second in rows]
    write_cells(path, ["a", "b"], written)
    assert [cells for _, cells in read_cells(path, ["a", "b"], "")] == written
    with path.open(newline="", encoding="utf-8") as file:
        assert not any(cell.startswith(("=", "+", "-", "@")) for row in csv.reader(file) for cell in row)


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    write_cells(tmp_path / "t.csv", ["gain_db", "text"], [{"gain_db": -3.5, "text": "-3.5"}])
    assert (tmp_path / "t.csv").read_text().splitlines() == ["gain_db,text", "-3.5,'-3.5"]


def test_where_names_the_line_also_after_a_cell_of_several_lines(tmp_path: Path) -> None:
    write_cells(tmp_path / "t.csv", ["a"], [{"a": "two\nlines"}, {"a": "next"}])
    assert [where for where, _ in read_cells(tmp_path / "t.csv", ["a"], "")] == [
        f"{tmp_path / 't.csv'}, line 3",
        f"{tmp_path / 't.csv'}, line 4",
    ]


def test_more_columns_than_asked_for_are_returned_and_more_cells_than_columns_are_not(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2,3\n")
    assert [cells for _, cells in read_cells(tmp_path / "t.csv", ["a"], "")] == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "t.csv is missing; run the command first"),
        (b"a,c\n1,2\n", "t.csv, line 2: column 'b' is missing; expected a, b; it has 'a', 'c'$"),
        (b"a;b\n1;2\n", "t.csv, line 2: column 'a' is missing; expected a, b; it has 'a;b'$"),
        (b"a,b\n1\n", "t.csv, line 2: column 'b' is missing"),
        (b"a,b\n\xff\xfe,2\n", "t.csv cannot be read as a UTF-8 CSV"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_cells(tmp_path / "t.csv", ["a", "b"], "run the command first")


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    write_cells(tmp_path / "t.csv", ["a"], [{"a": "old"}])
    with pytest.raises(KeyError):
        write_cells(tmp_path / "t.csv", ["a"], [{"a": "new"}, {}])
    assert (tmp_path / "t.csv").read_text() == "a\nold\n" and len(list(tmp_path.iterdir())) == 1
