"""The ablation table of the score section: one line per named configuration (SPEC M12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data_contracts import AblationScore
from data_contracts.generation import TASKS
from tasks.report.svg import number
from tasks.report.words import metric_name


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationCell:
    """One value, and its paired difference to `full` with an interval; `clear` when that excludes zero."""

    value: str
    delta: str
    clear: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationLine:
    """All values of one configuration."""

    variant: str
    n: int
    steps: int
    cells: list[AblationCell]


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationTable:
    """All configurations of one task."""

    task: str
    metrics: list[str]
    lines: list[AblationLine]


def build_ablations(rows: Sequence[AblationScore]) -> list[AblationTable]:
    """Returns one table per task, with metrics and configurations in the order of the rows."""
    titles = {name: task.title for name, task in TASKS.items()}
    return [
        _table(titles.get(task, task), [row for row in rows if row.task == task])
        for task in dict.fromkeys(row.task for row in rows)
    ]


def _table(title: str, rows: Sequence[AblationScore]) -> AblationTable:
    metrics = list(dict.fromkeys(row.metric for row in rows))
    lines = []
    for name in dict.fromkeys(row.variant for row in rows):
        by_metric = {row.metric: row for row in rows if row.variant == name}
        first = next(iter(by_metric.values()))
        cells = [_cell(by_metric.get(metric)) for metric in metrics]
        lines.append(AblationLine(variant=name, n=first.n, steps=first.steps, cells=cells))
    return AblationTable(task=title, metrics=[metric_name(metric) for metric in metrics], lines=lines)


def _cell(row: AblationScore | None) -> AblationCell:
    if row is None:
        return AblationCell(value="–", delta="", clear=False)
    if row.delta is None or row.delta_low is None or row.delta_high is None:
        return AblationCell(value=number(row.value), delta="", clear=False)
    delta = f"{row.delta:+.2f} ({row.delta_low:+.2f} to {row.delta_high:+.2f})"
    return AblationCell(value=number(row.value), delta=delta, clear=row.delta_low > 0 or row.delta_high < 0)
