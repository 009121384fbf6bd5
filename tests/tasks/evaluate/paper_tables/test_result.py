"""Which of our numbers are best, what is never ranked, and files that come back unchanged."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from data_contracts import ContractError, UsageError
from tasks.engine.workspace import Workspace
from tasks.evaluate.paper_tables.config import TableOptions
from tasks.evaluate.paper_tables.layout import NUMBERS, paper_table
from tasks.evaluate.paper_tables.options import option_line
from tasks.evaluate.paper_tables.result import (
    Measured,
    ResultRow,
    TableCell,
    TableHead,
    TableResult,
    read_table_result,
    unranked,
    with_best,
    written_tables,
)

FD = TableHead(system="", name="FD_VGG", metric="FD_VGG", higher_is_better=False)
CLAP = TableHead(system="", name="CLAP_T", metric="CLAP_T", higher_is_better=True)


def cell(value: float | None, n: int = 10, n_reference: int | None = 10) -> TableCell:
    measured = Measured(value=value, n=n, n_reference=n_reference, why=None if value is not None else "none")
    return TableCell(paper="1.00", ours=None if value is None else f"{value:.2f}", measured=measured)


def row(head: str, *cells: TableCell, part: str = "all") -> ResultRow:
    return ResultRow(head=head, part=part, cells=cells)


def best(heads: list[TableHead], rows: list[ResultRow], *, across: bool = False) -> list[list[bool]]:
    return [[one.is_best for one in found.cells] for found in with_best(heads, rows, across=across)]


def test_the_lowest_distance_and_the_highest_likeness_are_best() -> None:
    rows = [row("a", cell(2.0), cell(0.3)), row("b", cell(1.0), cell(0.2)), row("c", cell(None), cell(None))]
    assert best([FD, CLAP], rows) == [[False, True], [True, False], [False, False]]


def test_one_number_alone_is_not_the_best() -> None:
    assert best([FD], [row("a", cell(2.0)), row("b", TableCell(paper="1"))]) == [[False], [False]]


@pytest.mark.parametrize(("n", "n_reference"), [(11, 10), (10, 12)])
def test_distances_of_unequal_sets_are_never_ranked(n: int, n_reference: int) -> None:
    rows = [row("a", cell(2.0), cell(0.3)), row("b", cell(1.0, n, n_reference), cell(0.2))]
    assert best([FD, CLAP], rows) == [[False, True], [False, False]]
    assert unranked([FD, CLAP], rows, across=False) == [
        f"FD_VGG: not ranked: the numbers of rows differ (a 10 against 10, b {n} against {n_reference}), and the "
        "distance falls with them"
    ]


def test_parts_of_the_test_set_are_compared_apart() -> None:
    rows = [row("a", cell(2.0)), row("b", cell(1.0)), row("a *", cell(9.0), part="filtered")]
    rows.append(row("b *", cell(8.0), part="filtered"))
    assert best([FD], rows) == [[False], [True], [False], [True]]
    assert unranked([FD], rows, across=False) == []


def test_systems_in_columns_are_compared_within_a_row() -> None:
    heads = [TableHead(system=s, name="CA", metric="CLAP_A", higher_is_better=True) for s in ("x", "y")]
    rows = [row("1", cell(0.1), cell(0.2)), row("2", cell(0.9), cell(0.8))]
    assert best(heads, rows, across=True) == [[False, True], [True, False]]


def table(number: int = 1) -> TableResult:
    rows = (row("a", cell(2.0)), row("b", TableCell(paper=None)))
    return TableResult(number=number, title="T", corner="Method", heads=(FD,), rows=rows, lines=("one",))


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for number in (3, 1):
        table(number).write(workspace)
    (tmp_path / "tables" / "table-9.json").write_text("{}")
    assert [read_table_result(path) for path in written_tables(workspace)] == [table(1), table(3)]
    assert TableResult.from_json(asdict(table())) == table()


@pytest.mark.parametrize(
    "data", [[], {}, {**asdict(table()), "heads": [{"name": "x"}]}, {**asdict(table()), "more": 1}]
)
def test_a_damaged_table_is_refused(data: object) -> None:
    with pytest.raises(ContractError, match="no table of the paper"):
        TableResult.from_json(data)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    table().write(Workspace(tmp_path)).write_text("{")
    with pytest.raises(UsageError, match=r"table-1\.json is not valid JSON"):
        read_table_result(tmp_path / "tables" / "table-1.json")


def test_a_cell_shows_both_numbers_or_dashes() -> None:
    assert [cell(2.0).text, cell(None).text, TableCell(paper=None).text] == ["1.00 / 2.00", "1.00 / –", "– / –"]
    assert (FD.text, CLAP.text) == ("FD_VGG ↓", "CLAP_T ↑")


@pytest.mark.parametrize("number", NUMBERS)
def test_each_option_of_a_table_is_said_with_its_value(number: int) -> None:
    for name in paper_table(number).options:
        assert option_line(name, TableOptions()).startswith(f"{name} = ")


@pytest.mark.parametrize(
    ("changes", "name", "says"),
    [
        ({"fd_reference": "targets"}, "fd_reference", "targets: FD_VGG compares with the target clips' own audio"),
        ({"resemblyzer_vad": True}, "resemblyzer_vad", "true: Resemblyzer hears what a voice activity detector leaves"),
        ({"extension_reference": "truth"}, "extension_reference", "truth: CA compares with the true audio of 3-8 s"),
        ({"label_text": False}, "label_text", "false: a checkpoint gets the video alone"),
        ({"extension_context": "blank"}, "extension_context", "blank: without Vr a checkpoint sees zero-filled frames"),
        ({"extension_seed": 3}, "extension_seed", "3: the 1,000 clips are drawn with this seed"),
        ({}, "extension_seed", "none: the 1,000 clips are those of evaluate.test_set.subset_file"),
        ({"desync_windows": "last"}, "desync_windows", "last: DeSync is of the last 4.8 s"),
        ({"decimals": "cut"}, "decimals", "cut: our numbers are cut"),
        ({"transfer_part": "first"}, "transfer_part", "the first part is scored"),
        ({}, "extension_conditions", "Vt, Vt+Ar, Vt+Ar+Vr, Vt+Text+Ar+Vr: "),
    ],
)
def test_another_choice_is_said(changes: dict[str, object], name: str, says: str) -> None:
    assert says in option_line(name, TableOptions.model_validate(changes))
