"""SPEC A8: answers survive a closed browser, and never count for audio or a caption that has changed."""

from __future__ import annotations

import csv
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import UsageError
from tasks.commands.verify.ratings import ANSWERS, Rating, Ratings, all_ratings, rater_path, read_ratings

ITEMS = {f"item-{n}": {"audio_sha256": f"{n}" * 64, "caption": f"caption, number {n}"} for n in range(4)}


def rated(path: Path, answers: str) -> Ratings:
    """Answers the first items: y, n, u."""
    ratings = Ratings(path, ITEMS)
    for item_id, answer in zip(ITEMS, answers, strict=False):
        ratings.set(item_id, {"y": "yes", "n": "no", "u": "unsure"}[answer])
    return ratings


def rewrite(path: Path, column: str, values: list[str]) -> None:
    """Writes other values into a column, as a person with a spreadsheet does."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {column: value} for row, value in zip(rows, values, strict=True))


def test_a8_answers_are_on_disk_at_once_and_resumed(tmp_path: Path) -> None:
    first = rated(tmp_path / "anna.csv", "yn")
    again = Ratings(tmp_path / "anna.csv", ITEMS)
    assert again.rater == "anna"
    assert again.answers == first.answers == {"item-0": Rating("yes"), "item-1": Rating("no")}
    again.set("item-0", "no", "a cat,\nnot a dog")
    again.set("item-1", "")
    assert Ratings(tmp_path / "anna.csv", ITEMS).answers == {"item-0": Rating("no", "a cat, not a dog")}


def test_answers_are_in_the_order_of_the_items_whatever_was_answered_first(tmp_path: Path) -> None:
    ratings = Ratings(tmp_path / "anna.csv", ITEMS)
    for item_id in reversed(ITEMS):
        ratings.set(item_id, "yes")
    assert list(ratings.answers) == list(Ratings(ratings.path, ITEMS).answers) == list(ITEMS)


@given(st.text(max_size=600))
def test_any_note_comes_back_as_one_line_of_limited_length(tmp_path_factory: pytest.TempPathFactory, note: str) -> None:
    ratings = Ratings(tmp_path_factory.mktemp("notes") / "anna.csv", ITEMS)
    try:
        ratings.set("item-0", "unsure", note)
    except UnicodeEncodeError:  # lone surrogates cannot be written; the page never sends them
        return
    found = read_ratings(ratings.path, ITEMS)["item-0"].note
    assert found == " ".join(note.split())[:500] and "\n" not in found


def test_answers_from_several_threads_are_all_kept(tmp_path: Path) -> None:
    ratings = Ratings(tmp_path / "anna.csv", ITEMS)
    threads = [threading.Thread(target=ratings.set, args=(item_id, "yes")) for item_id in ITEMS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(read_ratings(ratings.path, ITEMS)) == set(ITEMS)


def test_a_spreadsheet_may_write_short_answers(tmp_path: Path) -> None:
    path = rated(tmp_path / "anna.csv", "yyyy").path
    rewrite(path, "answer", ["Y", "0", " Unsure ", ""])
    assert [rating.answer for rating in Ratings(path, ITEMS).answers.values()] == ["yes", "no", "unsure"]


@pytest.mark.parametrize("column", ["audio_sha256", "caption"])
def test_answers_to_what_has_changed_do_not_count(tmp_path: Path, column: str) -> None:
    path = rated(tmp_path / "anna.csv", "yy").path
    changed = ITEMS | {"item-0": ITEMS["item-0"] | {column: "another"}}
    assert read_ratings(path, changed) == {"item-1": Rating("yes")}


def test_answers_about_items_that_are_no_longer_there_are_ignored(tmp_path: Path) -> None:
    path = rated(tmp_path / "anna.csv", "yn").path
    assert read_ratings(path, {"item-1": ITEMS["item-1"]}) == {"item-1": Rating("no")}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("item_id,audio_sha256,caption,answer\nx,y,c,perhaps\n", "bad.csv, line 2: answer 'perhaps'; expected yes, no"),
        ("item_id,audio_sha256,caption\nx,y,c\n", "bad.csv, line 2: column 'answer' is missing; expected item_id"),
        ("item_id,audio_sha256,caption,answer\nx,y\n", "bad.csv, line 2: column 'caption' is missing"),
    ],
)
def test_bad_answer_files_are_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "bad.csv").write_text(content)
    with pytest.raises(UsageError, match=message):
        all_ratings(tmp_path, ITEMS)


@pytest.mark.parametrize(
    ("item_id", "answer", "message"),
    [("item-9", "yes", "'item-9' is not on the sheet"), ("item-0", "perhaps", "answer 'perhaps'; expected yes, no")],
)
def test_a_wrong_answer_is_refused_and_changes_nothing(tmp_path: Path, item_id: str, answer: str, message: str) -> None:
    ratings = Ratings(tmp_path / "anna.csv", ITEMS)
    with pytest.raises(UsageError, match=message):
        ratings.set(item_id, answer)
    assert ratings.answers == {} and not ratings.path.exists()


def test_all_raters_are_read_by_name(tmp_path: Path) -> None:
    rated(tmp_path / "bo.csv", "n")
    rated(tmp_path / "anna.csv", "yu")
    found = all_ratings(tmp_path, ITEMS)
    assert list(found) == ["anna", "bo"] and [len(answers) for answers in found.values()] == [2, 1]
    assert {rating.answer for answers in found.values() for rating in answers.values()} == set(ANSWERS)


@pytest.mark.parametrize("rater", ["../../evil", "/etc/passwd", "a\x00b", "con/../..", "é" * 300, "-rf"])
def test_a_raters_name_cannot_leave_the_folder(tmp_path: Path, rater: str) -> None:
    path = rater_path(tmp_path, rater)
    assert path.parent == tmp_path and path.resolve().parent == tmp_path.resolve() and len(path.name) < 80
    with pytest.raises(UsageError, match=r"empty; give one, e\.g\. --rate anna"):
        rater_path(tmp_path, " ")
