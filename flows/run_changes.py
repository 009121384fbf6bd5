"""What changed since the pipeline's last run in a workspace: its main numbers are kept in `W/numbers.json`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from data_contracts import Score, TrainMetric, read_table
from flows.markdown import plain, table
from tasks.engine.workspace import Workspace, read_json, write_json
from tasks.report.svg import number
from tasks.report.words import checkpoint_name, metric_name

NUMBERS: Final = "numbers.json"
Numbers = dict[str, float]


def numbers_of(results: Iterable[Mapping[str, Any]], workspace: Workspace) -> Numbers:
    """Returns a run's main numbers by what they are: items and quarantine per stage, loss, the model's scores."""
    found: Numbers = {}
    for result in results:
        found[f"{result['stage']}: done"] = result["done"]
        found[f"{result['stage']}: quarantined"] = result["quarantined"]
    metrics = workspace.table("train", TrainMetric.TABLE)
    if metrics.exists() and (rows := read_table(metrics, TrainMetric)):
        found["train: steps"] = rows[-1].step
        found["train: loss"] = rows[-1].loss
        if validated := [row.val_loss for row in rows if row.val_loss is not None]:
            found["train: validation loss"] = validated[-1]
    scores = workspace.table("evaluate", Score.TABLE)
    if scores.exists():
        for score in read_table(scores, Score):
            if not score.is_baseline and score.value is not None:
                weights = checkpoint_name(score.checkpoint or "")
                found[f"{score.task}, {metric_name(score.metric)}, {weights}"] = score.value
    return found


def changes(before: Mapping[str, float], now: Mapping[str, float]) -> list[str]:
    """Returns Markdown lines: what is different, new or gone."""
    cells = []
    for name in (*now, *(name for name in before if name not in now)):
        old, new = before.get(name), now.get(name)
        if old != new:
            step = "" if old is None or new is None else f"{new - old:+.3g}"
            cells.append([plain(name), *("" if value is None else number(value) for value in (old, new)), step])
    return table(("since the last run", "before", "now", "change"), cells) or ["Nothing changed since the last run."]


def changes_since_last(now: Numbers, workspace: Workspace) -> list[str]:
    """Returns the lines of `changes` to the last run, and keeps `now` for the next one; none in the first run."""
    path = workspace.path(NUMBERS)
    try:
        before = read_json(path, "this run writes it again") if path.exists() else None
    finally:
        write_json(path, now)
    return [] if before is None else changes(before, now)
