"""The table of named configurations: every configuration once, differences only where they were measured."""

from __future__ import annotations

from data_contracts import AblationScore
from tasks.report.ablations import build_ablations


def row(variant: str, metric: str, value: float, delta: float | None = None, *, task: str = "fe") -> AblationScore:
    low, high = (None, None) if delta is None else (delta - 0.1, delta + 0.1)
    return AblationScore(
        item_id=f"{variant}/{task}/{metric}", variant=variant, task=task, metric=metric, value=value, ci_low=0.0,
        ci_high=1.0, n=7, delta=delta, delta_low=low, delta_high=high, steps=300, backend="b", higher_is_better=True,
    )  # fmt: skip


def test_one_table_per_task_with_a_line_per_configuration_and_a_cell_per_metric() -> None:
    rows = [row(name, metric, 0.5, task=task) for task in ("vta", "fe") for name in ("full", "m-1")
            for metric in ("EventF1@100ms", "EventOffset_s")]  # fmt: skip
    tables = build_ablations(rows)
    assert [table.task for table in tables] == ["Video to audio", "Foley extension"]
    for table in tables:
        assert table.metrics == ["events on time, within 100 ms", "timing error of events (s)"]
        assert [line.variant for line in table.lines] == ["full", "m-1"]
        assert all(len(line.cells) == 2 and (line.n, line.steps) == (7, 300) for line in table.lines)


def test_a_difference_is_clear_when_its_interval_excludes_zero() -> None:
    (table,) = build_ablations([row("m-1", "a", 0.5, -0.5), row("m-1", "b", 0.5, 0.05), row("m-1", "c", 0.5, 0.2)])
    below, unclear, above = table.lines[0].cells
    assert (below.delta, below.clear, unclear.clear, above.clear) == ("-0.50 (-0.60 to -0.40)", True, False, True)


def test_what_was_not_measured_is_a_dash_and_the_full_model_has_no_difference() -> None:
    (table,) = build_ablations([row("full", "a", 0.75), row("full", "b", 0.5), row("m-1", "a", 0.25, -0.5)])
    full, other = table.lines
    assert [cell.delta for cell in full.cells] == ["", ""]
    assert (other.cells[1].value, other.cells[1].delta, other.cells[1].clear) == ("–", "", False)


def test_without_ablations_there_is_no_table_and_an_unknown_task_keeps_its_name() -> None:
    assert build_ablations([]) == []
    assert build_ablations([row("full", "a", 0.5, task="new-task")])[0].task == "new-task"
