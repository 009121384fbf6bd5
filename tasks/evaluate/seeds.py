"""One cell over several generation seeds: the mean of the seeds' values, and how much they differ.

All seeds are taken over the same clips: those that each of them has. The interval of a metric of single clips counts
groups of clips, each with all of its seeds; it says what other clips would give, and `seed_sd` what other seeds would.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean, stdev
from typing import Final, TypeVar

from tasks.evaluate.cells import NO_BOUNDS, Cell, clip_cell, interval
from tasks.evaluate.judged import FeatureSet
from tasks.evaluate.metrics.catalogue import Metric

NO_SHARED_CLIP: Final = "not computed: no clip has a value of every seed"
_Clip = TypeVar("_Clip", bound=Hashable)


def clip_cell_over_seeds(
    metric: Metric, runs: Sequence[Mapping[_Clip, float]], owners: Mapping[_Clip, Hashable], seed: int
) -> Cell | None:
    """Returns the cell of a metric of single clips; None where no clip has a value of every seed.

    `runs`: of each seed the value of each clip; `owners`: the clips' groups.
    """
    clips = [clip for clip in runs[0] if all(clip in run for run in runs)] if runs else []
    if not clips:
        return None
    groups = [owners[clip] for clip in clips]
    cells = [clip_cell(metric, [run[clip] for clip in clips], groups, seed) for run in runs]
    if len(cells) == 1:
        return cells[0]
    pooled = [run[clip] for run in runs for clip in clips]
    return replace(over_seeds(cells), bounds=interval(metric, pooled, groups * len(runs), seed))


def over_seeds(cells: Sequence[Cell]) -> Cell:
    """Returns the mean of the cells of several seeds, all over the same clips, with its spread and without an interval.

    A single cell comes back as it is; where one of them has no value the mean has none, for the same reason.
    """
    if len(cells) == 1:
        return cells[0]
    if (empty := next((cell for cell in cells if cell.value is None), None)) is not None:
        return empty
    values = [cell.value for cell in cells if cell.value is not None]
    return replace(cells[0], value=fmean(values), bounds=NO_BOUNDS, n_seeds=len(values), seed_sd=stdev(values))


def of_same_clips(seeds: Sequence[FeatureSet]) -> list[FeatureSet]:
    """Returns the features of the clips that every seed has: a distance of fewer clips is larger."""
    shared = set.intersection(*(set(one.owners) for one in seeds))
    return [one.of(shared) for one in seeds]
