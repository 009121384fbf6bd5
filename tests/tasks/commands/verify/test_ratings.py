"""SPEC A8: answers survive, never count for another sound, and give accuracy, interval and agreement."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import UsageError
from tasks.commands.verify.accuracy import accuracy_table, agreement, majority, wilson_interval
from tasks.commands.verify.job import current_sheet, results_text, shuffled
from tasks.commands.verify.ratings import ANSWERS, Rating, Ratings, all_ratings, rater_path
from tasks.engine.workspace import Workspace
from tests.tasks.commands.verify.build import verified


def answered(workspace: Workspace, rater: str, answers: str) -> Ratings:
    """Answers the first rows: y, n, u."""
    entries = current_sheet(workspace)
    ratings = Ratings.of(workspace, rater, entries)
    for entry, answer in zip(entries, answers, strict=False):
        ratings.set(entry.item_id, {"y": "yes", "n": "no", "u": "unsure"}[answer])
    return ratings


def test_a8_answers_are_on_disk_at_once_and_resumed(tmp_path: Path) -> None:
    workspace = verified(tmp_path)
    first = answered(workspace, "anna", "yn")
    entries = current_sheet(workspace)
    again = Ratings.of(workspace, "anna", entries)
    assert again.answers == first.answers and [r.answer for r in again.answers.values()] == ["yes", "no"]
    again.set(entries[0].item_id, "no", "a cat,\nnot a dog")
    again.set(entries[1].item_id, "")
    assert Ratings.of(workspace, "anna", entries).answers == {entries[0].item_id: Rating("no", "a cat, not a dog")}


def test_a_spreadsheet_may_write_short_answers(tmp_path: Path) -> None:
    workspace = verified(tmp_path)
    path = answered(workspace, "anna", "yyyy").path
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    for row, answer in zip(rows[1:], ["Y", "0", " Unsure ", ""], strict=True):
        row[rows[0].index("answer")] = answer
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    found = Ratings.of(workspace, "anna", current_sheet(workspace)).answers
    assert [rating.answer for rating in found.values()] == ["yes", "no", "unsure"]


def test_answers_to_a_sound_that_was_made_anew_do_not_count(tmp_path: Path) -> None:
    workspace = verified(tmp_path)
    path = answered(workspace, "anna", "yy").path
    path.write_text(path.read_text().replace("2" * 64, "3" * 64, 1))
    assert len(Ratings.of(workspace, "anna", current_sheet(workspace)).answers) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("item_id,audio_sha256,stratum,caption,answer\nx,y,z,c,perhaps\n", "line 2: answer 'perhaps'"),
        ("item_id,audio_sha256,stratum,caption\nx,y,z,c\n", "line 2: column 'answer' is missing"),
    ],
)
def test_bad_answer_files_are_named(tmp_path: Path, content: str, message: str) -> None:
    workspace = verified(tmp_path)
    entries = current_sheet(workspace)
    path = rater_path(workspace, "bad")
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(UsageError, match=message):
        all_ratings(workspace, entries)


@pytest.mark.parametrize("rater", ["../../evil", "/etc/passwd", "a\x00b", "con/../..", "é" * 300, "-rf"])
def test_a_raters_name_cannot_leave_the_folder(tmp_path: Path, rater: str) -> None:
    path = rater_path(Workspace(tmp_path), rater)
    assert path.parent == tmp_path.resolve() / "manifest" / "verification" / "ratings" and len(path.name) < 80
    with pytest.raises(UsageError, match="empty"):
        rater_path(Workspace(tmp_path), " ")


def test_a8_accuracy_per_stratum_and_over_all(tmp_path: Path) -> None:
    workspace = verified(tmp_path)
    ratings = answered(workspace, "anna", "ynuyy")
    answers = {item: rating.answer for item, rating in ratings.answers.items()}
    found = {row.stratum: row for row in accuracy_table(current_sheet(workspace), answers)}
    first = found["speed very_fast"]
    assert (first.rows, first.answered, first.correct, first.unsure, first.accuracy) == (3, 2, 1, 1, 0.5)
    assert found["speed fast"].accuracy == 1.0 and found["near source"].accuracy is None
    assert (found["all"].answered, found["all"].correct, found["all"].unsure) == (4, 3, 1)


def test_wilson_interval_of_known_values() -> None:
    assert wilson_interval(291, 300) == pytest.approx((0.9440, 0.9841), abs=1e-3)
    assert wilson_interval(0, 0) == (0, 1)
    assert wilson_interval(10, 10)[1] == pytest.approx(1.0)


def ratings_of(*columns: str) -> dict[str, dict[str, Rating]]:
    """One string of y, n, u or . per rater."""
    words = {"y": "yes", "n": "no", "u": "unsure"}
    return {
        f"r{number}": {f"i{k}": Rating(words[a]) for k, a in enumerate(column) if a != "."}
        for number, column in enumerate(columns)
    }


def test_agreement_by_hand() -> None:
    found = agreement(ratings_of("yyn.", "yny.", "...y"))
    assert (found.raters, found.shared) == (3, 3) and found.observed == pytest.approx(1 / 3)
    # two raters, 3 units, coincidences: yy 2, yn 2, ny 2; alpha = 1 - (n-1) o_yn / (n_y n_n) = 1 - 5*2/(4*2)
    assert found.alpha == pytest.approx(1 - 5 * 2 / (4 * 2))
    same = agreement(ratings_of("yyy", "yyy"))
    assert (same.observed, same.alpha) == (1.0, None)
    assert agreement(ratings_of("yy")).observed is None


@given(st.lists(st.text(alphabet="ynu.", min_size=6, max_size=6), min_size=2, max_size=4))
def test_agreement_counts_pairs(columns: list[str]) -> None:
    found = agreement(ratings_of(*columns))
    shares = []
    for answers in zip(*columns, strict=True):
        pairs = list(itertools.combinations([a for a in answers if a != "."], 2))
        if pairs:
            shares.append(np.mean([a == b for a, b in pairs]))
    assert found.shared == len(shares)
    assert found.observed == (pytest.approx(np.mean(shares)) if shares else None)
    assert found.alpha is None or found.alpha <= 1.0 + 1e-9


def test_majority_and_ties() -> None:
    assert majority(ratings_of("yyn", "ynn", "nuu")) == {"i0": "yes", "i1": "unsure", "i2": "no"}
    assert set(ANSWERS) == {"yes", "no", "unsure"}


def test_the_text_shows_every_rater_the_majority_and_agreement(tmp_path: Path) -> None:
    workspace = verified(tmp_path)
    assert "no answers yet" in results_text(workspace) and "of 300" in results_text(workspace)
    answered(workspace, "anna", "y" * 40)
    answered(workspace, "bo", "y" * 20 + "n")
    text = results_text(workspace)
    assert "rater anna" in text and "rater bo" in text and "majority of raters" in text
    assert "21 rows answered by two or more; same answer 95.2%" in text
    with pytest.raises(UsageError, match="holds"):
        results_text(workspace, redraw=True)


def test_each_rater_hears_the_same_rows_in_an_order_of_their_own(tmp_path: Path) -> None:
    entries = current_sheet(verified(tmp_path))
    anna, bo = shuffled(entries, "anna"), shuffled(entries, "bo")
    assert anna != bo and anna == shuffled(entries, "anna") and set(anna) == set(bo) == set(entries)
