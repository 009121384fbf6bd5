"""Clip scores of all seeds and configurations to one row per claim and metric.

Legend: S seeds, G groups (objects).
"""

# ruff: noqa: N815 - shape suffixes of record fields
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_contracts import ClaimResult, ClipScore
from tasks.commands.claims.catalogue import Claim
from tasks.commands.claims.statistics import Estimate, crossed_estimate, verdict
from tasks.evaluate.metrics.catalogue import MODEL
from tasks.evaluate.significance import LEVEL, Decision, holm
from tasks.evaluate.tables import metric_named

Scores = Mapping[int, Mapping[str, Sequence[ClipScore]]]
"""Seed -> variant -> clip scores."""


def claim_rows(claims: Sequence[Claim], scores: Scores, groups: Mapping[str, str], steps: int) -> list[ClaimResult]:
    """Returns one row per claim and metric for which a seed has both configurations, in the claims' order.

    `groups`: generated clip -> its object or recording (`clip_groups`); `steps`: of the trainings. All `claims` count
    for Holm's method, also those without scores yet.
    """
    compared = [(claim, metric, compare(claim, metric, scores, groups)) for claim in claims for metric in claim.metrics]
    found = [_Cell(claim, metric, pairs) for claim, metric, pairs in compared if pairs is not None]
    p_values = {cell.claim.name: cell.estimate.p_value for cell in found if cell.decides and cell.estimate is not None}
    decisions = holm(p_values, len(claims))
    return [_row(cell, decisions.get(cell.claim.name) if cell.decides else None, steps) for cell in found]


def clip_values(rows: Iterable[ClipScore], task: str, metric: str, system: str = MODEL) -> dict[str, float]:
    """Returns clip -> the value of a metric in a task, of the model or of a baseline."""
    return {row.parent_id: row.value for row in rows if (row.task, row.metric, row.system) == (task, metric, system)}


@dataclass(frozen=True, slots=True)
class Pairs:
    """Both configurations' means per seed and object, over the clips that every one of the seeds has of both."""

    better_SG: npt.NDArray[np.float64]
    worse_SG: npt.NDArray[np.float64]
    seeds: tuple[int, ...]
    clips: int


def compare(claim: Claim, metric: str, scores: Scores, groups: Mapping[str, str]) -> Pairs | None:
    """Returns the values that a claim compares; None when no seed has both configurations, or no clip is in all."""
    values = {
        seed: tuple(clip_values(found[name], claim.task, metric) for name in (claim.better, claim.worse))
        for seed, found in scores.items()
        if {claim.better, claim.worse} <= found.keys()
    }
    clips = sorted(set.intersection(*(set(one) for pair in values.values() for one in pair))) if values else []
    if not clips:
        return None
    objects = [groups[clip] for clip in clips]
    better_SG, worse_SG = (
        np.array([_by_object([pair[place][clip] for clip in clips], objects) for pair in values.values()])
        for place in (0, 1)
    )
    return Pairs(better_SG, worse_SG, tuple(values), len(clips))


def _by_object(values: Sequence[float], objects: Sequence[str]) -> list[float]:
    found: dict[str, list[float]] = {}
    for value, name in zip(values, objects, strict=True):
        found.setdefault(name, []).append(value)
    return [float(np.mean(found[name])) for name in sorted(found)]


@dataclass(frozen=True, slots=True)
class _Cell:
    claim: Claim
    metric: str
    pairs: Pairs

    @property
    def decides(self) -> bool:
        return self.metric == self.claim.metrics[0]

    @property
    def estimate(self) -> Estimate | None:
        return crossed_estimate(self.pairs.better_SG - self.pairs.worse_SG)


def _row(cell: _Cell, decision: Decision | None, steps: int) -> ClaimResult:
    claim, pairs, estimate = cell.claim, cell.pairs, cell.estimate
    confidence = decision.confidence if decision else 1 - LEVEL
    low, high = estimate.interval(confidence) if estimate else (None, None)
    better, worse = float(pairs.better_SG.mean()), float(pairs.worse_SG.mean())
    said = verdict(better - worse, decision.p_holm) if decision else "not shown"  # one seed alone shows nothing
    return ClaimResult(
        item_id=f"{claim.name}/{cell.metric}",
        claim=claim.name,
        statement=claim.statement,
        source=claim.source,
        task=claim.task,
        metric=cell.metric,
        decides=cell.decides,
        better=claim.better,
        worse=claim.worse,
        better_value=better,
        worse_value=worse,
        delta=better - worse,
        low=low,
        high=high,
        confidence=confidence,
        p_value=estimate.p_value if estimate else None,
        p_holm=decision.p_holm if decision else None,
        verdict=said if cell.decides else "",
        n_clips=pairs.clips,
        n_groups=pairs.better_SG.shape[1],
        seeds=pairs.seeds,
        steps=steps,
        backend=metric_named(cell.metric).backend,
    )
