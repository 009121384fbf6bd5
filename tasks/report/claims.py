"""The paper's claims in the score section: one line per claim with its verdict (SPEC M12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data_contracts import ClaimResult
from data_contracts.generation import TASKS
from data_contracts.quantities import counted
from tasks.report.words import metric_name

_MARKS = {"shown": "met", "contradicted": "missed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimLine:
    """One claim. `tested`: metric, task and both configurations; `mark`: the verdict's style."""

    statement: str
    source: str
    tested: str
    verdict: str
    mark: str
    delta: str
    interval: str
    count: str


def build_claims(rows: Sequence[ClaimResult]) -> list[ClaimLine]:
    """Returns one line per claim, from the metric that decides it, in the order of the rows."""
    return [_line(row) for row in rows if row.decides]


def _line(row: ClaimResult) -> ClaimLine:
    title = TASKS[row.task].title if row.task in TASKS else row.task
    interval = "" if row.low is None or row.high is None else f"{row.low:+.3f} to {row.high:+.3f}"
    return ClaimLine(
        statement=row.statement,
        source=row.source,
        tested=f"{metric_name(row.metric)} in {title}: {row.better} minus {row.worse}",
        verdict=row.verdict,
        mark=_MARKS.get(row.verdict, "muted"),
        delta=f"{row.delta:+.3f}",
        interval=interval,
        count=", ".join(
            (counted(row.n_clips, "clip"), counted(row.n_groups, "object"), counted(len(row.seeds), "seed"))
        ),
    )
