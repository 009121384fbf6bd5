"""SPEC A8: what `foleygenex verify` prints, draws anew, and refuses to draw anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from data_contracts import ManifestRow, UsageError, read_table, write_table
from tasks.commands.verify.job import current_sheet, rating_page, results_text, shuffled
from tasks.commands.verify.ratings import Rating
from tasks.commands.verify.sheet import ratings_folder, sheet_path
from tasks.engine.workspace import Workspace
from tests.tasks.commands.verify.build import verified

WORDS = {"y": "yes", "n": "no", "u": "unsure"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return verified(tmp_path)


def answer(workspace: Workspace, rater: str, answers: str) -> None:
    """Answers the first rows of the sheet: y, n, u."""
    entries = current_sheet(workspace)
    ratings = rating_page(workspace, entries, rater).ratings
    for entry, letter in zip(entries, answers, strict=False):
        ratings.set(entry.item_id, WORDS[letter])


def test_the_text_shows_every_rater_the_majority_and_agreement(workspace: Workspace) -> None:
    assert "no answers yet" in results_text(workspace) and "of 300" in results_text(workspace)
    answer(workspace, "anna", "y" * 40)
    answer(workspace, "bo", "y" * 20 + "n")
    text = results_text(workspace)
    assert "rater anna" in text and "rater bo" in text and "majority of raters" in text
    assert "21 rows answered by two or more; same answer 95.2%" in text


def test_one_rater_has_no_majority_and_no_agreement(workspace: Workspace) -> None:
    answer(workspace, "anna", "yyn")
    text = results_text(workspace)
    assert "majority of raters" not in text and "agreement:" not in text
    total = re.search(r"^  all +(\d+) +(\d+) +(\d+) +(\d+) +([\d.]+)%", text, re.MULTILINE)
    assert total is not None and total.groups() == (str(len(current_sheet(workspace))), "3", "2", "0", "66.7")
    assert "paper: above 97%, here not" in text


def test_raters_without_a_common_row(workspace: Workspace) -> None:
    entries = current_sheet(workspace)
    for number, rater in enumerate(("anna", "bo")):
        rating_page(workspace, entries, rater).ratings.set(entries[number].item_id, "yes")
    assert "agreement: 2 raters, no row answered by two of them" in results_text(workspace)


def test_a_redraw_never_loses_answers(workspace: Workspace) -> None:
    first = sheet_path(workspace)
    assert results_text(workspace, redraw=True) and results_text(workspace, redraw=True)  # nothing to lose yet
    answer(workspace, "anna", "yn")
    before = first.read_bytes()
    with pytest.raises(UsageError, match=r"ratings has 2 answers to this sheet; move that folder away first"):
        results_text(workspace, redraw=True)
    assert first.read_bytes() == before
    ratings_folder(workspace).rename(workspace.root / "elsewhere")
    assert "no answers yet" in results_text(workspace, redraw=True)


def test_rows_that_no_longer_match_the_manifest_are_said(workspace: Workspace) -> None:
    stale = current_sheet(workspace)[0].item_id
    path = workspace.table("manifest", "manifest")
    write_table(path, ManifestRow, [row for row in read_table(path, ManifestRow) if row.item_id != stale])
    assert f"rows no longer match the manifest ({stale}, ...); draw again with --redraw" in results_text(workspace)


def test_each_rater_gets_the_same_rows_in_an_order_of_their_own(workspace: Workspace) -> None:
    entries = current_sheet(workspace)
    anna, bo = shuffled(entries, "anna"), shuffled(entries, "bo")
    assert anna != bo and anna == shuffled(entries, "anna") and set(anna) == set(bo) == set(entries)
    page = rating_page(workspace, entries, "anna")
    assert [item.item_id for item in page.items] == [entry.item_id for entry in anna]


def test_a_page_continues_with_the_answers_of_earlier_calls(workspace: Workspace) -> None:
    answer(workspace, "anna", "yn")
    entries = current_sheet(workspace)
    page = rating_page(workspace, entries, "anna")
    assert page.ratings.answers == {entries[0].item_id: Rating("yes"), entries[1].item_id: Rating("no")}
    assert page.summary()[-1]["answered"] == 2 and rating_page(workspace, entries, "bo").ratings.answers == {}
    with pytest.raises(UsageError, match="the rater's name is empty"):
        rating_page(workspace, entries, "  ")
