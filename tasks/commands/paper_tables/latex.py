"""A table as a LaTeX table (booktabs), all text escaped."""

from __future__ import annotations

from tasks.commands.evaluate.latex import escaped
from tasks.evaluate.paper_tables.result import TableCell, TableResult


def latex(table: TableResult) -> str:
    """Returns the table as a float; what is said under it is in comments above it."""
    heads = [escaped(f"{head.system} {head.name}".strip()) for head in table.heads]
    arrows = [r"$\uparrow$" if head.higher_is_better else r"$\downarrow$" for head in table.heads]
    lines = [
        *(f"% {' '.join(line.split())}" for line in table.lines),
        r"\begin{table}",
        rf"\caption{{{escaped(table.title)} (paper / ours).}}",
        rf"\begin{{tabular}}{{l{'r' * len(heads)}}}",
        r"\toprule",
        _line([escaped(table.corner), *map(" ".join, zip(heads, arrows, strict=True))]),
        r"\midrule",
        *(_line([escaped(row.head), *map(_cell, row.cells)]) for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _cell(cell: TableCell) -> str:
    paper, ours = cell.paper or "--", (cell.ours or "--").replace("±", r"$\pm$")
    return rf"{paper} / \textbf{{{ours}}}" if cell.is_best else f"{paper} / {ours}"


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"
