"""From what judges say to numbers: the value of each clip, or of a set of clips, per column.

Legend: N clips, R rows (patches of clips, or clips), D width of an embedding, K classes, W windows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

from data_contracts import ItemError
from model.judges import Judge
from model.judges.audioset import music_classes, speech_classes
from tasks.evaluate.columns import Column
from tasks.evaluate.judge_cache import Arrays
from tasks.evaluate.judging import Said
from tasks.evaluate.metrics.divergence import inception_score, kl_per_clip
from tasks.evaluate.metrics.frechet import feature_distance
from tasks.evaluate.metrics.kernel import kernel_distance
from tasks.evaluate.metrics.quality import unwanted
from tasks.evaluate.metrics.similarity import cosines, desync_per_clip
from tasks.evaluate.metrics.subsampling import frechet_infinity

Rows = npt.NDArray[np.float32]
"""Features (R, D) or logits (N, K)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSet:
    """What a judge says of a system's clips: the rows of all clips, and which clip each row is of."""

    rows: Rows
    owners: tuple[int, ...]

    @property
    def clips(self) -> int:
        """The number of clips that have rows."""
        return len(set(self.owners))

    def groups(self, groups: Sequence[Hashable]) -> list[Hashable]:
        """Returns the group of each row, from the groups of the clips by their place."""
        return [groups[owner] for owner in self.owners]

    def of(self, places: Collection[int]) -> Self:
        """Returns the rows of some of the clips."""
        wanted = set(places)
        chosen = [row for row, owner in enumerate(self.owners) if owner in wanted]
        if len(chosen) == len(self.owners):
            return self
        return type(self)(rows=self.rows[chosen], owners=tuple(self.owners[row] for row in chosen))


def feature_set(said: Sequence[Said], output: str) -> FeatureSet:
    """Returns the rows (R, D) of an output; clips of which the judge says nothing have none."""
    blocks, owners = [], []
    for place, one in enumerate(said):
        if isinstance(one, str):
            continue
        block = np.atleast_2d(one[output])
        blocks.append(block)
        owners += [place] * len(block)
    return FeatureSet(rows=np.concatenate(blocks) if blocks else np.zeros((0, 0), np.float32), owners=tuple(owners))


def both(first: Sequence[Said], second: Sequence[Said]) -> dict[int, tuple[Arrays, Arrays]]:
    """Returns by position what was said of both, where something was said of both."""
    pairs = zip(first, second, strict=True)
    return {p: (a, b) for p, (a, b) in enumerate(pairs) if not isinstance(a, str) and not isinstance(b, str)}


def clip_values(column: Column, judge: Judge, made: Sequence[Said], other: Sequence[Said]) -> dict[int, float]:
    """Returns the value of each clip by its position. `other`: of the reference, the captions or the videos."""
    if column.measure == "flag":
        return {p: float(one[column.output].max() > 0) for p, one in enumerate(made) if not isinstance(one, str)}
    if column.measure == "axis":
        assert column.place is not None
        return {p: float(one[column.output][column.place]) for p, one in enumerate(made) if not isinstance(one, str)}
    pairs = both(made, other)
    if not pairs:
        return {}
    if column.measure == "desync":
        return _desync(judge, column, pairs)
    if column.measure in ("speech", "music"):
        classes = (speech_classes if column.measure == "speech" else music_classes)(judge.spec.classes)
        if not classes:
            return {}
        made_NK, reference_NK = _stacked(column, pairs)
        return dict(zip(pairs, map(float, unwanted(made_NK, classes, reference_NK)), strict=True))
    values_N = (kl_per_clip if column.measure == "kl" else cosines)(*_stacked(column, pairs))
    return dict(zip(pairs, map(float, values_N), strict=True))


def _desync(judge: Judge, column: Column, pairs: Mapping[int, tuple[Arrays, Arrays]]) -> dict[int, float]:
    """Returns the absolute offset of each clip in seconds, the mean of its two windows or that of the column's window.

    A clip that is too short for it has none.
    """
    from model.judges.synchformer import SynchformerJudge

    assert isinstance(judge, SynchformerJudge)
    found = {}
    for place, (audio, video) in pairs.items():
        try:
            sides = (torch.from_numpy(side[column.output]) for side in (video, audio))
            logits_WK = judge.offset_logits(*sides).numpy()
        except ItemError:
            continue
        windows = logits_WK if column.place is None else logits_WK[[column.place, column.place]]
        found[place] = float(desync_per_clip(windows[None])[0])
    return found


def _stacked(column: Column, pairs: Mapping[int, tuple[Arrays, Arrays]]) -> tuple[Rows, Rows]:
    """Returns the outputs of both sides, (N, D) each."""
    first, second = (np.stack([pair[side][column.output] for pair in pairs.values()]) for side in (0, 1))
    return first, second


def column_distance(column: Column) -> Callable[[Rows, Rows], float]:
    """Returns the distance of two sets of rows (R, D) that a column is."""
    return feature_distance if column.measure == "frechet" else kernel_distance


def set_value(column: Column, made: Rows, reference: Rows, owners: Sequence[Hashable], seed: int) -> float:
    """Returns a set metric; `owners`: the group of each generated row. Raises UndefinedMetricError for too few rows."""
    if column.measure == "inception":
        return inception_score(made).mean
    if column.measure == "frechet-infinity":
        return frechet_infinity(made, reference, seed=seed, groups=owners).value
    return column_distance(column)(made, reference)
