"""The sheet of captions to read: evenly drawn, read back as written, shares of what was marked only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.caption_marks import MarkedCaption, read_sheet, share_lines, sheet, without_text, write_sheet
from benchmarks.caption_rules import Case
from data_contracts import UsageError
from data_contracts.adverbs import DEGREES
from tests.conftest import REPOSITORY
from tests.tasks.language.captions import cued

ROW = MarkedCaption(operation="a -> b", degree="plain", before="A dog barks", mined="barks", after="A dog, barking")
CASES = {
    "fast -> medium": [Case("fast -> medium", cued(f"A {who} knocks quickly"), "medium") for who in ("man", "dog")],
    "loud -> far": [Case("loud -> far", cued(f"A {who} calls loudly"), "far") for who in ("man", "cat", "cow", "owl")],
}


def test_a_sheet_takes_operations_and_degrees_in_turn() -> None:
    rows = sheet(CASES, 5)
    assert [row.operation for row in rows] == ["fast -> medium"] * 2 + ["loud -> far"] * 3
    assert [row.degree for row in rows] == ["plain", "plain", *DEGREES]
    assert all(row.after != row.before and row.mined in row.before and not row.right for row in rows)


def test_captions_without_a_rewrite_are_passed_over() -> None:
    stuck = Case("loud -> far", cued("A man talks nearby, then a baby cries nearby"), "far")
    rows = sheet({"loud -> far": [stuck, *CASES["loud -> far"]]}, 2)
    assert [row.before for row in rows] == ["A man calls loudly", "A cat calls loudly"]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = [ROW, replace(ROW, before='A "dog", barking', right="no", why="odd, very", by="someone")]
    write_sheet(tmp_path / "s.csv", rows)
    assert read_sheet(tmp_path / "s.csv") == rows


def test_another_mark_is_named_with_its_line(tmp_path: Path) -> None:
    write_sheet(tmp_path / "s.csv", [ROW, replace(ROW, right="maybe")])
    with pytest.raises(UsageError, match=r"s\.csv, line 3: right is 'maybe'; write yes or no"):
        read_sheet(tmp_path / "s.csv")


def test_shares_are_of_marked_rows_with_exact_intervals() -> None:
    right, wrong = replace(ROW, right="yes"), replace(ROW, right="no")
    rows = [ROW, right, right, right, wrong, replace(right, operation="c -> d")]
    one, other, whole = share_lines(rows)
    assert one.split() == ["a", "->", "b", "3", "of", "4", "0.194", "to", "0.994"]
    assert other.split()[3:] == ["1", "of", "1", "0.025", "to", "1.000"]
    assert whole.split()[:4] == ["all", "4", "of", "5"]
    assert share_lines([ROW]) == []


def test_every_row_of_the_shipped_sheet_has_a_mark_and_a_reader() -> None:
    rows = read_sheet(REPOSITORY / "docs" / "captions.csv")
    assert len(rows) >= 300
    assert all(row.right and row.by and bool(row.why) == (row.right == "no") for row in rows)
    assert len({row.operation for row in rows}) == 8


def test_marks_without_text_tell_captions_apart_and_show_none() -> None:
    some, other = without_text(replace(ROW, right="no", why="odd")), without_text(replace(ROW, after="A dog barking"))
    assert (some.operation, some.right, some.why) == (ROW.operation, "no", "odd")
    assert some.before == other.before and some.after != other.after
    assert not {ROW.before, ROW.after, ROW.mined} & {some.before, some.after, some.mined}
