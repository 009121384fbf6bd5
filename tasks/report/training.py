"""The training section: training and validation loss, loss by flow time, speed, learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from data_contracts import TrainMetric
from tasks.report.collect import Collected
from tasks.report.svg import Line, bar_chart, line_chart, number


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The section: a note when there is nothing to show, else facts and charts (title, SVG, explanation)."""

    note: str | None
    facts: list[tuple[str, str]]
    charts: list[tuple[str, Markup, str]]


def build_training(found: Collected) -> Training:
    """Returns the section from the train_metrics table."""
    rows = found.metrics
    if not rows:
        return Training(note=found.note("train_metrics"), facts=[], charts=[])
    return Training(note=None, facts=_facts(rows), charts=[chart for chart in _charts(rows) if chart[1]])


def running_mean(values: Sequence[float], keep: float = 0.85) -> list[float]:
    """Returns an exponential running mean, unbiased at the start, as long as the input."""
    mean, weight, out = 0.0, 0.0, []
    for value in values:
        mean, weight = keep * mean + (1 - keep) * value, keep * weight + (1 - keep)
        out.append(mean / weight)
    return out


def _facts(rows: list[TrainMetric]) -> list[tuple[str, str]]:
    speeds = sorted(row.samples_per_s for row in rows)
    validation = [row.val_loss for row in rows if row.val_loss is not None]
    facts = [
        ("steps", f"{rows[-1].step:,}"),
        ("loss", f"{number(rows[0].loss)} → {number(running_mean([r.loss for r in rows])[-1])}"),
        ("samples per second", number(speeds[len(speeds) // 2])),
        ("peak memory", f"{number(max(row.peak_memory_gib for row in rows))} GiB"),
        ("waiting for data", f"{100 * sum(r.data_wait_share for r in rows) / len(rows):.0f} %"),
    ]
    if used := [row.mfu for row in rows if row.mfu is not None]:
        facts.append(("of the device's peak (MFU)", f"{100 * sum(used) / len(used):.0f} %"))
    if validation:
        facts.insert(2, ("validation loss", f"{number(validation[0])} → {number(validation[-1])}"))
    return facts


def _charts(rows: list[TrainMetric]) -> list[tuple[str, Markup, str]]:
    steps = [float(row.step) for row in rows]
    losses = [row.loss for row in rows]
    validation = tuple((float(row.step), row.val_loss) for row in rows if row.val_loss is not None)
    loss = line_chart(
        [
            Line("loss", "raw", tuple(zip(steps, losses, strict=True))),
            Line("running mean", "main", tuple(zip(steps, running_mean(losses), strict=True))),
            Line("validation", "second", validation),
        ],
        title="Training and validation loss by step",
        x_label="step",
    )
    speed = _single("samples/s", [(float(row.step), row.samples_per_s) for row in rows])
    rate = _single("learning rate", [(float(row.step), row.lr) for row in rows])
    return [
        ("Loss", loss, "Faint: mean of each logged interval. Solid: running mean. Dashed: validation."),
        (
            "Loss by time t",
            _by_t(rows),
            "Error of the predicted velocity by flow time (0 is noise, 1 is audio), averaged over the last intervals.",
        ),
        ("Speed", speed, "Training samples per second."),
        ("Learning rate", rate, "Warm-up, then the schedule."),
    ]


def _single(name: str, points: Sequence[tuple[float, float]]) -> Markup:
    return line_chart([Line(name, "main", tuple(points))], title=f"{name} by step", x_label="step")


def _by_t(rows: list[TrainMetric]) -> Markup:
    width = len(rows[-1].loss_by_t)
    last = [row.loss_by_t for row in rows[-20:] if len(row.loss_by_t) == width]
    if not width:
        return Markup("")
    means = [sum(values) / len(last) for values in zip(*last, strict=True)]
    labels = [number(round((i + 0.5) / width, 2)) for i in range(width)]
    return bar_chart(means, labels, title="Loss by flow time t")
