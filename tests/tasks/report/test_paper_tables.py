"""The paper's tables in the report: shown, escaped, absent without them, and a note for a damaged file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.engine.workspace import Workspace
from tasks.evaluate.paper_tables.result import Measured, ResultRow, TableCell, TableHead, TableResult
from tasks.report.html import environment
from tasks.report.paper_tables import build_tables
from tasks.report.stage import ReportStage

HOSTILE = '<script>alert("x")</script>'


def table(head: str = "MMAudio [13]") -> TableResult:
    best = TableCell(paper="0.97", ours="0.85", measured=Measured(value=0.85, n=12), is_best=True)
    return TableResult(
        number=2,
        title="Performance",
        corner="Model",
        heads=(TableHead(system="", name="FD_VGG", metric="FD_VGG", higher_is_better=False),),
        rows=(ResultRow(head=head, part="all", cells=(best,)),),
        lines=(f"list {HOSTILE}",),
    )


def shown(workspace: Workspace) -> str:
    template = environment().get_template("paper_tables.html.j2")
    return template.render(paper_tables=build_tables(workspace))


def test_e3_a_table_has_both_numbers_and_its_lines(tmp_path: Path) -> None:
    table().write(Workspace(tmp_path))
    page = shown(Workspace(tmp_path))
    assert "Table 2: Performance" in page
    assert '<th scope="col" class="num">FD_VGG ↓</th>' in page
    assert "0.97 / <b>0.85</b>" in page


def test_text_of_a_table_is_escaped(tmp_path: Path) -> None:
    table(head=HOSTILE).write(Workspace(tmp_path))
    assert HOSTILE not in shown(Workspace(tmp_path))


def test_without_tables_there_is_no_section(tmp_path: Path) -> None:
    assert not shown(Workspace(tmp_path)).strip()


@pytest.mark.parametrize("content", ["{", "{}", "[]"])
def test_a_damaged_table_is_a_note(tmp_path: Path, content: str) -> None:
    table().write(Workspace(tmp_path)).write_text(content)
    page = shown(Workspace(tmp_path))
    assert "tables/table-2.json cannot be read; make it again" in page
    assert str(tmp_path) not in page


def test_a_new_table_makes_the_report_again(tmp_path: Path) -> None:
    stage, workspace = ReportStage(all_settings={}), Workspace(tmp_path)
    before = stage.payload(workspace)
    table().write(workspace)
    after = stage.payload(workspace)
    table(head="other").write(workspace)
    assert len({str(before), str(after), str(stage.payload(workspace))}) == 3
