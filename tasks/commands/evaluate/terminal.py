"""An evaluation as text for the terminal: one line per metric, one column per system, n in every line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from data_contracts import Score
from data_contracts.quantities import counted
from tasks.commands.evaluate.options import ALL_CLIPS
from tasks.commands.evaluate.result import Evaluation
from tasks.evaluate.significance import LEVEL

_ARROWS: Final = {True: "up", False: "down", None: ""}
_DASH: Final = "-"
SPREAD: Final = "of several seeds the mean ± the standard deviation over them"


def number(value: float | None) -> str:
    """Returns a number with four significant digits, `-` for none."""
    if value is None:
        return _DASH
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def text(found: Evaluation) -> str:
    """Returns the tables, the comparisons, and why columns are empty."""
    parts = [_head(found), *(_table(found, task) for task in found.tasks()), _comparisons(found), _empty(found)]
    return "\n\n".join(part for part in parts if part)


def _head(found: Evaluation) -> str:
    left = f"; {counted(len(found.left_out), 'clip')} left out" if found.left_out else ""
    return f"{counted(len(found.clips), 'clip')}, the same for all systems{left}{f'; {SPREAD}' if found.seeds else ''}"


def systems_shown(found: Evaluation, task: str) -> list[str]:
    """Returns the systems with a value, generated ones first."""
    rows = [score for score in found.scores if score.task == task and score.value is not None]
    return list(dict.fromkeys(score.system for score in rows))


def lines_of(cells: dict[str, Score]) -> str:
    """Returns n of a metric's cells, and n of the reference where sets are compared; a range where they differ."""
    ns = sorted({score.n for score in cells.values() if score.value is not None})
    text = str(ns[0]) if len(ns) == 1 else f"{ns[0]}-{ns[-1]}"
    against = sorted({score.n_reference for score in cells.values() if score.n_reference})
    return f"{text} vs {against[0]}" if against else text


def _table(found: Evaluation, task: str) -> str:
    systems = systems_shown(found, task)
    rows = [["metric", "better", "n", *(name_with_seeds(found, system) for system in systems)]]
    for metric, cells in found.scores_of(task).items():
        if any(score.value is not None for score in cells.values()):
            better = next(iter(cells.values())).higher_is_better
            values = [_value(cells.get(system)) for system in systems]
            rows.append([metric, _ARROWS[better], lines_of(cells), *values])
    title = "" if task == ALL_CLIPS else f"{task}\n"
    return title + aligned(rows)


def _value(score: Score | None) -> str:
    if score is None:
        return _DASH
    return number(score.value) if score.seed_sd is None else f"{number(score.value)} ± {number(score.seed_sd)}"


def name_with_seeds(found: Evaluation, system: str) -> str:
    """Returns a system's name, with the number of its generation seeds where there are several."""
    return f"{system} ({len(found.seeds[system])} seeds)" if system in found.seeds else system


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Returns rows of cells as text with aligned columns, the first one to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _comparisons(found: Evaluation) -> str:
    lines = []
    for first, second in dict.fromkeys((one.first, one.second) for one in found.comparisons):
        of_pair = [one for one in found.comparisons if (one.first, one.second) == (first, second)]
        shown = [f"{one.metric} ({one.better}, p {one.p_holm:.2g})" for one in of_pair if one.better]
        result = ", ".join(shown) if shown else "no difference shown on any metric"
        lines.append(
            f"{first} against {second} (paired, Holm over {len(found.comparisons)} tests, {LEVEL:g}): {result}"
        )
    return "\n".join(lines)


def _empty(found: Evaluation) -> str:
    """Returns why metrics have no value, metrics of one reason in one line."""
    return "\n".join(f"{', '.join(metrics)}: {reason}" for reason, metrics in found.why_empty().items())
