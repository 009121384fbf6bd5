"""An evaluation as text for the terminal: one line per metric, one column per system, n in every line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from data_contracts import Score
from data_contracts.quantities import counted
from tasks.commands.evaluate.cautions import cautions_of, doubtful_verdicts
from tasks.commands.evaluate.options import ALL_CLIPS
from tasks.commands.evaluate.result import Caution, Evaluation
from tasks.evaluate import baselines
from tasks.evaluate.significance import LEVEL

_ARROWS: Final = {True: "up", False: "down", None: ""}
_DASH: Final = "-"
SPREAD: Final = "of several seeds the mean ± the standard deviation over them"
READ_WITH_CARE: Final = ", read with care"
"""After a verdict on a metric on which one of the systems is no better than a worthless baseline."""
_ANOTHER: Final = "another clip's audio"


def number(value: float | None) -> str:
    """Returns a number with four significant digits, `-` for none."""
    if value is None:
        return _DASH
    return f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def text(found: Evaluation) -> str:
    """Returns the tables, the comparisons, and why columns are empty."""
    parts = [
        _head(found),
        *(_table(found, task) for task in found.tasks()),
        "\n".join(caution_line(one) for one in cautions_of(found)),
        _comparisons(found),
        _empty(found),
    ]
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


def caution_line(one: Caution) -> str:
    """Returns a caution in words."""
    *first, last = (
        f"{_ANOTHER if name == baselines.SHUFFLED else name} ({number(value)})" for name, value in one.beaten.items()
    )
    beaten = f"{', '.join(first)} and {last}" if first else last
    return (
        f"{one.metric}: {one.baseline} ({number(one.value)}) is no worse than {beaten} here: "
        "do not read this metric alone"
    )


def why_nothing_shown(found: Evaluation, first: str, second: str) -> str:
    """Returns why no metric can show a difference of two systems: too few clips or too many tests; else nothing."""
    tested = [one for one in found.comparisons if (one.first, one.second) == (first, second) and one.p_holm is not None]
    if not tested or any(one.least_p * found.family < LEVEL for one in tested):
        return ""
    least = min(one.least_p for one in tested)
    groups = max(one.n_groups for one in tested)
    return (
        f"{counted(groups, 'group')} of clips give a p of {least:.2g} at least, and {counted(found.family, 'test')} "
        f"need one below {LEVEL / found.family:.2g}: score more clips, or name the metrics that decide by --primary"
    )


def _comparisons(found: Evaluation) -> str:
    lines, doubtful, care = [], doubtful_verdicts(found), READ_WITH_CARE
    tests = counted(found.family, "test") + (" of primary metrics" if found.primary else "")
    for first, second in dict.fromkeys((one.first, one.second) for one in found.comparisons):
        of_pair = [one for one in found.comparisons if (one.first, one.second) == (first, second)]
        shown = [
            f"{one.metric} ({one.better}, p {one.p_holm:.2g}{care if (one.metric, first, second) in doubtful else ''})"
            for one in of_pair
            if one.better
        ]
        result = ", ".join(shown) or ("no difference shown on any metric" if found.family else "nothing was tested")
        if not shown and (why := why_nothing_shown(found, first, second)):
            result = f"none can be shown: {why}"
        lines.append(f"{first} against {second} (paired, Holm over {tests}, {LEVEL:g}): {result}")
    if missing := untested(found):
        lines.append(f"primary metrics without a test: {', '.join(missing)}")
    return "\n".join(lines)


def untested(found: Evaluation) -> list[str]:
    """Returns the primary metrics that no two systems could be compared on."""
    tested = {one.metric for one in found.comparisons}
    return [metric for metric in found.primary if metric not in tested]


def _empty(found: Evaluation) -> str:
    """Returns why metrics have no value, metrics of one reason in one line."""
    return "\n".join(f"{', '.join(metrics)}: {reason}" for reason, metrics in found.why_empty().items())
