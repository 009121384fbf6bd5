"""The table as text, Markdown and LaTeX: both numbers in each cell, and no text that acts."""

from __future__ import annotations

import re

from tasks.commands.paper_tables.latex import latex
from tasks.commands.paper_tables.text import escaped, markdown, text
from tasks.evaluate.paper_tables.result import Measured, ResultRow, TableCell, TableHead, TableResult

HOSTILE = "a|b *c* [d](e) <i> $x$ & 5% \\input{f}\nnext"


def table(head: str = "MMAudio [13]", line: str = "a line") -> TableResult:
    best = TableCell(paper="0.97", ours="0.85", measured=Measured(value=0.85, n=12), is_best=True)
    return TableResult(
        number=2,
        title="Performance",
        corner="Model",
        heads=(
            TableHead(system="", name="FD_VGG", metric="FD_VGG", higher_is_better=False),
            TableHead(system="M-1", name="CA", metric="CLAP_A", higher_is_better=True),
        ),
        rows=(ResultRow(head=head, part="all", cells=(best, TableCell(paper=None))),),
        lines=(line,),
    )


def test_the_terminal_has_aligned_columns_and_the_lines_below() -> None:
    lines = text(table()).splitlines()
    assert lines[0] == "Table 2: Performance"
    assert lines[3].split() == ["Model", "FD_VGG", "↓", "M-1", "CA", "↑"]
    assert lines[4].split() == ["MMAudio", "[13]", "0.97", "/", "0.85*", "–", "/", "–"]
    assert len(lines[3]) == len(lines[4])
    assert lines[-1] == "- a line"


def test_markdown_has_one_line_per_row_with_the_best_in_bold() -> None:
    lines = markdown(table()).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert rows[0] == r"| Model | FD\_VGG ↓ | M-1 CA ↑ |"
    assert rows[2] == r"| MMAudio \[13\] | 0.97 / **0.85** | – / – |"


def test_markdown_shows_hostile_text_as_it_is() -> None:
    page = markdown(table(head=HOSTILE, line=HOSTILE))
    row = next(line for line in page.splitlines() if "b" in line and line.startswith("|"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 4
    assert "<i>" not in page
    assert escaped(HOSTILE).startswith(r"a\|b \*c\* \[d\]\(e\)")
    assert "\n" not in escaped(HOSTILE)


def test_latex_escapes_names_and_keeps_comments_in_one_line() -> None:
    page = latex(table(head=HOSTILE, line=HOSTILE))
    assert r"a|b *c* [d](e) \textless{}i\textgreater{} \$x\$ \& 5\% \textbackslash{}input\{f\} next" in page
    assert r"FD\_VGG $\downarrow$ & M-1 CA $\uparrow$ \\" in page
    assert r"0.97 / \textbf{0.85} & -- / -- \\" in page
    comments, rest = page.split(r"\begin{table}")
    assert all(line.startswith("%") for line in comments.splitlines())
    assert rest.count(r"\\") >= 2
