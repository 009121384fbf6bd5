"""The ablation table: per variant, task and metric the mean with its interval, and the paired difference to `full`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from data_contracts import AblationScore, ClipScore
from tasks.engine.workspace import seed_for
from tasks.evaluate.cells import interval
from tasks.evaluate.columns import COLUMN_OF, LIKENESS
from tasks.evaluate.intervals import mean_interval
from tasks.evaluate.metrics.catalogue import METRICS, MODEL
from tasks.evaluate.tables import metric_named

SHOWN: Final = ("EventF1@100ms", "EventF1@50ms", "OnsetSyncAP", *LIKENESS)
FULL: Final = "full"


def ablation_rows(
    scores: Mapping[str, Sequence[ClipScore]], steps: Mapping[str, int], tasks: Sequence[str], groups: Mapping[str, str]
) -> list[AblationScore]:
    """Returns one row per variant, task and metric. `scores`: variant -> its clip scores; `steps`: of its training;
    `groups`: clip -> its object or recording, which the intervals count.

    `delta` is the mean over clips of (variant - full) on the same clip, with a bootstrap interval; None for full itself
    and where full was not run.
    """
    values = {name: _by_clip(rows) for name, rows in scores.items()}
    metrics = [name for name in (*METRICS, *COLUMN_OF) if metric_named(name).higher_is_better is not None]
    made = []
    for name, found in values.items():
        for task in tasks:
            for metric in metrics:
                if clips := found.get((task, metric)):
                    full = values.get(FULL, {}).get((task, metric), {}) if name != FULL else {}
                    made.append(_row(name, (task, metric), clips, full, groups, steps[name]))
    return made


def table_text(rows: Sequence[AblationScore], tasks: Sequence[str]) -> str:
    """Returns the table as Markdown: one block per task, one line per variant."""
    parts = []
    for task in tasks:
        mine = [row for row in rows if row.task == task and row.metric in SHOWN]
        metrics = [metric for metric in SHOWN if any(row.metric == metric for row in mine)]
        if not metrics:
            parts.append(f"{task}: no clip has a score")
            continue
        lines = [f"| {task} | n | steps | {' | '.join(metrics)} |", "|---" * (len(metrics) + 3) + "|"]
        for name in dict.fromkeys(row.variant for row in mine):
            cells = {row.metric: row for row in mine if row.variant == name}
            first = next(iter(cells.values()))
            shown = [_cell(cells.get(metric)) for metric in metrics]
            lines.append(f"| {name} | {first.n} | {first.steps} | {' | '.join(shown)} |")
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, _note(rows)]) + "\n"


def _note(rows: Sequence[AblationScore]) -> str:
    """Returns what the brackets are, or why there are none."""
    if any(row.delta_low is not None for row in rows):
        return "In brackets: the difference to `full` on the same clips, its 95 % interval; * where that excludes zero."
    variants = {row.variant for row in rows}
    if FULL in variants and len(variants) > 1:
        return "No differences to `full` are shown: an interval needs clips of two groups or more (`evaluate.clips`)."
    return "No differences are shown: they are those of other variants to `full` (`ablations.variants`)."


def _cell(row: AblationScore | None) -> str:
    if row is None:
        return "-"
    if row.delta is None or row.delta_low is None or row.delta_high is None:
        return f"{row.value:.3f}"
    star = "*" if row.delta_low > 0 or row.delta_high < 0 else ""
    return f"{row.value:.3f} ({row.delta:+.3f}, {row.delta_low:+.3f} to {row.delta_high:+.3f}){star}"


def _by_clip(rows: Sequence[ClipScore]) -> dict[tuple[str, str], dict[str, float]]:
    found: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows:
        if row.system == MODEL:
            found.setdefault((row.task, row.metric), {})[row.parent_id] = row.value
    return found


def _row(
    name: str,
    key: tuple[str, str],
    clips: Mapping[str, float],
    full: Mapping[str, float],
    groups: Mapping[str, str],
    steps: int,
) -> AblationScore:
    task, metric = key
    known = metric_named(metric)
    seed = seed_for("bootstrap", name, task, metric)
    low, high = interval(known, list(clips.values()), [groups[clip] for clip in clips], seed)
    paired = {clip: value - full[clip] for clip, value in clips.items() if clip in full}
    seed = seed_for("bootstrap", "delta", name, task, metric)
    delta_low, delta_high = mean_interval(list(paired.values()), [groups[clip] for clip in paired], seed)
    return AblationScore(
        item_id=f"{name}/{task}/{metric}",
        variant=name,
        task=task,
        metric=metric,
        value=float(np.mean(list(clips.values()))),
        ci_low=low,
        ci_high=high,
        n=len(clips),
        delta=float(np.mean(list(paired.values()))) if paired else None,
        delta_low=delta_low,
        delta_high=delta_high,
        steps=steps,
        backend=known.backend,
        higher_is_better=bool(known.higher_is_better),
    )
