"""SPEC A8: the stratified sheet, safe in a spreadsheet, and the accuracy with its interval."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from data_contracts import UsageError
from tasks.manifest.verification import plain_cell, read_sheet, wilson_interval, write_sheet
from tests.tasks.manifest.build import build, run


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def answer(path: Path, answers: list[str]) -> None:
    rows = lines(path)
    for row, given in zip(rows, answers, strict=False):
        row["answer"] = given
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a8_strata_have_their_sizes(tmp_path: Path) -> None:
    workspace = build(tmp_path, per_side=55)
    run(workspace)
    counts = Counter(row["stratum"] for row in lines(write_sheet(workspace, 7)))
    speeds = dict.fromkeys(("speed very_fast", "speed fast", "speed medium", "speed slow", "speed very_slow"), 20)
    assert counts == speeds | dict.fromkeys(("near source", "loud source", "crescendo", "decrescendo"), 50)
    assert sum(counts.values()) == 300


def test_a8_fewer_rows_than_asked_are_all_taken_and_the_seed_draws(tmp_path: Path) -> None:
    workspace = build(tmp_path, per_side=30)
    run(workspace)
    first = write_sheet(workspace, 1).read_bytes()
    assert Counter(row["stratum"] for row in lines(write_sheet(workspace, 1)))["near source"] == 30
    assert write_sheet(workspace, 1).read_bytes() == first != write_sheet(workspace, 2).read_bytes()


def test_a8_accuracy_per_stratum_and_over_all(tmp_path: Path) -> None:
    workspace = build(tmp_path, per_side=3)
    run(workspace)
    path = write_sheet(workspace, 1)
    answer(path, ["yes", "NO", "unsure", "y", "y", ""])
    found = {row.stratum: row for row in read_sheet(path)}
    first = found["speed very_fast"]
    assert (first.rows, first.answered, first.correct, first.unsure, first.accuracy) == (3, 2, 1, 1, 0.5)
    assert (found["speed fast"].accuracy, found["near source"].answered) == (1.0, 0)
    assert (found["all"].answered, found["all"].correct) == (4, 3)
    with pytest.raises(UsageError, match="already holds 5 answers"):
        write_sheet(workspace, 2)


def test_wilson_interval_of_known_values() -> None:
    assert wilson_interval(291, 300) == pytest.approx((0.9440, 0.9841), abs=1e-3)
    assert wilson_interval(0, 0) == (0, 1)
    assert wilson_interval(10, 10)[1] == pytest.approx(1.0)


def test_bad_sheets_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("stratum,answer\nx,perhaps\n")
    (tmp_path / "b.csv").write_text("stratum,note\nx,y\n")
    for name, message in (("a.csv", "line 2"), ("b.csv", "'answer' is missing"), ("no.csv", "verify")):
        with pytest.raises(UsageError, match=message):
            read_sheet(tmp_path / name)


@pytest.mark.parametrize("cell", ['=HYPERLINK("x")', "+1", "-1", "@x", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert plain_cell(cell) == f"'{cell}" and plain_cell("A dog") == "A dog"


def test_hostile_captions_are_disarmed_in_the_sheet(tmp_path: Path) -> None:
    workspace = build(tmp_path, per_side=1, caption='=cmd|"/c calc"!A0')
    run(workspace)
    assert all(row["caption"].startswith("'=") for row in lines(write_sheet(workspace, 1)))
