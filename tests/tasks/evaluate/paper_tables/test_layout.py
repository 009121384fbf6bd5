"""Tables 1-7 have the paper's rows, columns and numbers (SPEC E3)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.real_data import recordings_folder
from data_contracts import UsageError
from model.variants import VARIANTS
from tasks.evaluate.columns import COLUMN_OF
from tasks.evaluate.metrics.catalogue import METRICS
from tasks.evaluate.paper_tables.config import TableOptions
from tasks.evaluate.paper_tables.layout import NUMBERS, PaperTable, TableColumn, paper_table

PAPER = recordings_folder().parent / "paper" / "foleygenex.txt"


@pytest.fixture(scope="module")
def paper() -> list[str]:
    """The lines of the paper's text."""
    if not PAPER.exists():
        pytest.skip(f"no text of the paper in {PAPER}")
    return PAPER.read_text("utf-8").splitlines()


def of_table(paper: list[str], number: int) -> list[str]:
    """Returns a table's caption, heads and rows."""
    start = next(place for place, line in enumerate(paper) if line.startswith(f"Table {number}: "))
    end = next(
        place
        for place, line in enumerate(paper[start + 1 :], start + 1)
        if not line.strip() or line.startswith("Table ")
    )
    return paper[start:end]


def head(column: TableColumn) -> str:
    return rf"{column.printed} {chr(92)}{'uparrow' if column.higher_is_better else 'downarrow'}"


@pytest.mark.parametrize("number", [1, 2, 3, 4, 6, 7])
def test_e3_rows_heads_and_numbers_are_those_of_the_text(paper: list[str], number: int) -> None:
    table, lines = paper_table(number), of_table(paper, number)
    rows = [
        " ".join([row.system.printed, *(v for v in row.values if v is not None)]) for row in table.rows if row.system
    ]
    assert lines[0].startswith(f"Table {number}: {table.title}.")
    assert lines[1:] == [" ".join([table.corner, *map(head, table.columns)]), *rows]


def test_e3_table_5_is_that_of_the_text(paper: list[str]) -> None:
    table, lines = paper_table(5), of_table(paper, 5)
    assert lines[0] == "Table 5: Comparison of Foley extension performance. CA:CLAPA, DS:DeSync."
    assert lines[1] == " ".join(["Sample Conditions", *(system.printed for system in table.systems.values())])
    assert lines[2] == " ".join(["Size Vt Text Ar Vr", *map(head, table.columns)])
    numbers = [re.sub(r"^(1000|ALL) ", "", line) for line in lines[3:]]
    assert numbers == [" ".join(v for v in row.values if v is not None) for row in table.rows]


def test_e3_sizes_of_the_test_sets_are_those_of_the_text(paper: list[str]) -> None:
    text = " ".join(paper)
    for said in (
        "(964 samples)",
        "(15,220 samples)",
        "8,702 samples",
        "13 examples",
        "582 audio samples",
        "1,000 eight",
    ):
        assert said in text
    sizes = {number: list(paper_table(number).sizes.values()) for number in NUMBERS}
    assert sizes == {1: [964], 2: [15220, 8702], 3: [13], 4: [582], 5: [1000, None], 6: [None], 7: [582]}


@pytest.mark.parametrize("number", NUMBERS)
def test_every_number_has_its_columns_decimals_and_every_metric_is_computed_here(number: int) -> None:
    table = paper_table(number)
    for row in table.rows:
        for value, column in zip(row.values, table.columns, strict=True):
            assert value is None or len(value.partition(".")[2]) == column.decimals
    for column in table.columns:
        known = COLUMN_OF[column.metric].higher_is_better if column.metric in COLUMN_OF else None
        assert column.higher_is_better == (METRICS[column.metric].higher_is_better if known is None else known)


@pytest.mark.parametrize("number", NUMBERS)
def test_variants_and_options_exist_and_rows_are_of_a_part(number: int) -> None:
    table = paper_table(number)
    assert {system.variant for system in table.systems.values()} <= {None, *VARIANTS}
    assert set(table.options) <= TableOptions.model_fields.keys()
    assert {row.part for row in table.rows} == table.sizes.keys()


def test_what_the_paper_prints_twice_is_equal() -> None:
    assert paper_table(4).rows[4].values == paper_table(7).rows[-1].values


def test_scales_are_those_of_each_table() -> None:
    clap_t = {
        number: column.scale for number in NUMBERS for column in paper_table(number).columns if column.name == "CLAP_T"
    }
    assert clap_t == {1: 1, 3: 100, 6: 1}
    assert [column_of(4, "CLAP_A").scale, column_of(7, "CLAP_A").scale, column_of(5, "CA").scale] == [1, 1, 100]
    assert column_of(2, "IB-score").text(0.3322) == "33.22"
    assert column_of(4, "OnsetSyncAP(%)").text(0.6938) == "69.38"
    assert column_of(1, "CLAP_T").text(0.3664) == "0.366"


def test_decimals_are_rounded_or_cut() -> None:
    desync, clap = column_of(3, "DeSync"), column_of(3, "CLAP_T")
    assert [desync.text(n / 130) for n in (7, 8)] == ["0.054", "0.062"]
    assert [desync.text(n / 130, cut=True) for n in (7, 8)] == ["0.053", "0.061"], "the paper's MMAudio and FoleyGenEx"
    assert clap.text(0.29, cut=True) == "29.00", "no digit is lost to a float's rounding"
    assert clap.text(-0.29999, cut=True) == "-29.99"


def column_of(number: int, name: str) -> TableColumn:
    return next(column for column in paper_table(number).columns if column.name == name)


def test_the_gap_of_table_2_is_one_cell() -> None:
    table = paper_table(2)
    assert gaps(table) == [("MultiFoley", "IS")]


def gaps(table: PaperTable) -> list[tuple[str, str]]:
    return [
        (table.system_of(row, column).name, column.name)
        for row in table.rows
        for value, column in zip(row.values, table.columns, strict=True)
        if value is None
    ]


def test_table_5_has_only_three_systems_for_all_clips() -> None:
    assert {system for system, _ in gaps(paper_table(5))} == {"MultiFoley", "M-1", "M-2", "M-3"}


def test_an_unknown_number_is_refused() -> None:
    with pytest.raises(UsageError, match="the paper has no table 8; its tables are 1 to 7"):
        paper_table(8)


def test_the_data_is_part_of_the_package() -> None:
    assert (Path(__file__).parents[4] / "tasks" / "evaluate" / "paper_tables" / "tables.yaml").is_file()
