"""Metrics that mislead on the clips at hand: noise, clicks or silence are no worse than real audio or than a system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from data_contracts import Score
from tasks.commands.evaluate.options import ALL_CLIPS
from tasks.commands.evaluate.result import Caution, Evaluation
from tasks.evaluate import baselines
from tasks.evaluate.columns import COLUMN_OF

WORTHLESS: Final = (baselines.NOISE, baselines.CLICKS, baselines.RANDOM_EVENTS, baselines.SILENCE)
"""Baselines that nobody takes for the sound of a video."""
_OF_FAULTS: Final = ("flag", "speech", "music")  # silence has none, and that is right


def cautions(scores: Mapping[str, Mapping[str, Score]]) -> list[Caution]:
    """Returns one per metric on which a worthless baseline is no worse than another clip's audio or a generated system.

    `scores`: metric -> system -> score of all clips. Metrics without a better direction, and those of faults that
    silence cannot have (speech, music), have none.
    """
    found = []
    for metric, cells in scores.items():
        column = COLUMN_OF.get(metric)
        values = {name: score.value for name, score in cells.items() if score.value is not None}
        higher = next((score.higher_is_better for score in cells.values()), None)
        if higher is None or (column is not None and column.measure in _OF_FAULTS):
            continue
        sign = 1 if higher else -1
        worthless = {name: values[name] for name in WORTHLESS if name in values}
        real = {
            name: value for name, value in values.items() if name == baselines.SHUFFLED or not cells[name].is_baseline
        }
        if not worthless:
            continue
        best = max(worthless, key=lambda name: sign * worthless[name])
        beaten = {name: value for name, value in real.items() if sign * worthless[best] >= sign * value}
        if beaten:
            found.append(Caution(metric=metric, baseline=best, value=worthless[best], beaten=beaten))
    return found


def cautions_of(found: Evaluation) -> list[Caution]:
    """Returns the cautions of an evaluation's table of all clips."""
    return cautions(found.scores_of(ALL_CLIPS))


def doubtful_verdicts(found: Evaluation) -> frozenset[tuple[str, str, str]]:
    """Returns metric and pair of the comparisons that name a better system though a worthless baseline is no worse than
    one of them."""
    beaten = {one.metric: one.beaten for one in cautions_of(found)}
    return frozenset(
        (one.metric, one.first, one.second)
        for one in found.comparisons
        if one.better and not beaten.get(one.metric, {}).keys().isdisjoint((one.first, one.second))
    )
