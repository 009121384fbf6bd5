"""The score section: per task and metric, the model beside baselines, with n, intervals and the project's aims."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal, get_args

from markupsafe import Markup

from data_contracts import Score
from data_contracts.generation import CASE_GROUPS, VIDEO_ONLY
from data_contracts.quantities import counted
from tasks.evaluate.baselines import CODEC_UPPER_BOUND, PASTED, TRUTH
from tasks.report.collect import Collected
from tasks.report.svg import Dot, dot_strip, number
from tasks.report.words import checkpoint_name, largest_value, metric_name, system_name

SystemRole = Literal["model", "upper bound", "comparison", "baseline"]
_ROLES: Final[dict[str, SystemRole]] = {CODEC_UPPER_BOUND: "upper bound", TRUTH: "upper bound", PASTED: "comparison"}
"""What a compared system is; the others are baselines."""
_AIMS: Final = {
    ("vta", "EventF1@100ms"): 0.7,
    ("vta", "level_difference_db"): 2.0,
    (VIDEO_ONLY, "Material right"): 0.6,
    ("ac-vta", "Material right"): 0.6,
}
"""By case group and metric; adverb directions have the same one everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One system's value of one metric."""

    system: str
    value: str
    interval: str
    spread: str  # over generation seeds; empty where there is one
    n: int
    groups: str  # empty where every clip is a group of its own
    role: SystemRole
    met: bool | None  # None where no aim exists


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricScores:
    """One metric of one task: every system on one axis. `key`: the metric's name in the tables."""

    name: str
    key: str
    higher_is_better: bool | None
    aim: str | None
    strip: Markup
    backend: str
    cells: list[Cell]

    @property
    def own(self) -> list[Cell]:
        """The model's values, one for each of its weights."""
        return [cell for cell in self.cells if cell.role == "model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """One of the project's aims and whether this run meets it."""

    task: str
    metric: str
    checkpoint: str
    aim: str
    value: str
    interval: str
    spread: str
    n: int
    groups: str
    best_baseline: str | None
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The section."""

    note: str | None
    aims: list[Aim]
    tables: list[tuple[str, list[MetricScores]]]
    not_computed: list[tuple[str, str]]
    """Metrics without a value, those of one reason together, and the reason."""

    @property
    def checkpoints(self) -> list[str]:
        """The weights that are compared with the aims, in words."""
        return list(dict.fromkeys(aim.checkpoint for aim in self.aims))

    @property
    def has_seeds(self) -> bool:
        """Whether a value is of several generation seeds."""
        return any(cell.spread for _, metrics in self.tables for metric in metrics for cell in metric.cells)

    @property
    def aim_lines(self) -> list[tuple[Aim, dict[str, Aim]]]:
        """The aims, one line for each metric of a task: its first, and all by their weights."""
        lines = [list(line) for _, line in groupby(self.aims, key=lambda aim: (aim.task, aim.metric))]
        return [(line[0], {aim.checkpoint: aim for aim in line}) for line in lines]


def build_scores(found: Collected) -> Scores:
    """Returns the section from the scores table, in the order of the case groups."""
    titles = {name: group.title for name, group in CASE_GROUPS.items()}
    groups: dict[str, dict[str, list[Score]]] = {}
    for row in (one for one in found.scores if one.value is not None):
        groups.setdefault(row.task, {}).setdefault(row.metric, []).append(row)
    order = [*(name for name in titles if name in groups), *(name for name in groups if name not in titles)]
    return Scores(
        note=found.note("scores"),
        aims=[aim for task in order for rows in groups[task].values() for aim in _aims(rows, titles)],
        tables=[(titles.get(task, task), [_metric(rows) for rows in groups[task].values()]) for task in order],
        not_computed=_not_computed(found.scores),
    )


def _not_computed(scores: list[Score]) -> list[tuple[str, str]]:
    reasons: dict[str, dict[str, None]] = {}
    for row in scores:
        if row.value is None and row.why_empty is not None:
            reasons.setdefault(row.why_empty, {})[row.metric] = None
    return [(", ".join(metrics), reason) for reason, metrics in reasons.items()]


def value_of(row: Score) -> float:
    """Returns a row's value. Those without one are listed apart and never get here."""
    assert row.value is not None
    return row.value


def role(row: Score) -> SystemRole:
    """Returns what a row's system is compared with the model: its upper bound, a comparison or a baseline."""
    return _ROLES.get(row.system, "baseline") if row.is_baseline else "model"


def aim_for(task: str, metric: str) -> float | None:
    """Returns the project's aim for a metric of a case group, None where there is none."""
    return 0.85 if metric.startswith("AdverbCheck direction right") else _AIMS.get((task, metric))


def is_met(value: float, aim: float, *, higher_is_better: bool | None) -> bool:
    """Returns whether a value reaches its aim; of a metric that is best at the truth's value, the distance counts."""
    if higher_is_better is None:
        return abs(value) <= aim
    return value >= aim if higher_is_better else value <= aim


def _metric(rows: list[Score]) -> MetricScores:
    first = rows[0]
    aim = aim_for(first.task, first.metric)
    ordered = sorted(rows, key=lambda row: get_args(SystemRole).index(role(row)))
    dots = [Dot(value_of(r), r.ci_low, r.ci_high, r.is_baseline, _system(r)) for r in ordered]
    marks = () if aim is None else (aim,) if first.higher_is_better is not None else (-aim, aim)
    return MetricScores(
        name=metric_name(first.metric),
        key=first.metric,
        higher_is_better=first.higher_is_better,
        aim=None if aim is None else _aim_text(aim, first),
        strip=dot_strip(dots, aims=marks, whole=largest_value(first.metric)),
        backend=", ".join(dict.fromkeys(row.backend for row in rows)),
        cells=[_cell(row, aim) for row in ordered],
    )


def _cell(row: Score, aim: float | None) -> Cell:
    judged = aim is not None and not row.is_baseline
    return Cell(
        system=_system(row),
        value=number(value_of(row)),
        interval=_interval(row),
        spread=_spread(row),
        n=row.n,
        groups=_groups(row),
        role=role(row),
        met=is_met(value_of(row), aim or 0.0, higher_is_better=row.higher_is_better) if judged else None,
    )


def _aims(rows: list[Score], titles: dict[str, str]) -> list[Aim]:
    aim = aim_for(rows[0].task, rows[0].metric)
    if aim is None:
        return []
    return [
        Aim(
            task=titles.get(row.task, row.task),
            metric=metric_name(row.metric),
            checkpoint=checkpoint_name(row.checkpoint),
            aim=_aim_text(aim, row),
            value=number(value_of(row)),
            interval=_interval(row),
            spread=_spread(row),
            n=row.n,
            groups=_groups(row),
            best_baseline=_best_baseline(rows),
            met=is_met(value_of(row), aim, higher_is_better=row.higher_is_better),
        )
        for row in rows
        if not row.is_baseline
    ]


def _system(row: Score) -> str:
    """Returns the system's name, of the model with its checkpoint."""
    name = system_name(row.system)
    return f"{name}, {checkpoint_name(row.checkpoint)}" if row.checkpoint else name


def _groups(row: Score) -> str:
    """Returns the number of groups in words where clips share objects or recordings, else nothing."""
    return "" if row.n_groups == row.n else counted(row.n_groups, "group")


def _interval(row: Score) -> str:
    if row.ci_low is None or row.ci_high is None:
        return ""
    return f"{number(row.ci_low)} to {number(row.ci_high)}"


def _spread(row: Score) -> str:
    """Returns the standard deviation over generation seeds in words, nothing where there is one seed."""
    return "" if row.seed_sd is None else f"± {number(row.seed_sd)} over {row.n_seeds} seeds"


def _aim_text(aim: float, row: Score) -> str:
    sign = {True: "≥", False: "≤", None: "within ±"}[row.higher_is_better]
    return f"{sign} {number(aim)}"


def _best_baseline(rows: list[Score]) -> str | None:
    """Returns the best baseline's value and name: what the model has to beat."""
    found = [row for row in rows if role(row) == "baseline"]
    if not found or found[0].higher_is_better is None:
        return None
    best = max(found, key=lambda row: value_of(row) if row.higher_is_better else -value_of(row))
    return f"{number(value_of(best))} ({system_name(best.system)})"
