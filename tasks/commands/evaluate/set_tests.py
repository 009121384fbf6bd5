"""Tests of two systems' difference in FD or KAD: whole groups are exchanged between the systems."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from data_contracts import ContractError
from tasks.evaluate.cells import is_affordable
from tasks.evaluate.columns import Column
from tasks.evaluate.judged import FeatureSet, Rows, column_distance
from tasks.evaluate.metrics.kernel import exchange_differences
from tasks.evaluate.significance import LEVEL, SWAPS, PairedTest, sign_flip_test, swap_test

_KERNEL_CALLS: Final = 4  # of the distance cost as much as its test


def set_test(
    column: Column,
    ours: Sequence[FeatureSet],
    theirs: Sequence[FeatureSet],
    reference: FeatureSet,
    groups: Sequence[Hashable],
    *,
    family: int,
    seed: int,
) -> PairedTest | None:
    """Returns the test of a distance, of several generation seeds that of its mean, with a clip's seeds kept together.

    `groups`: one per clip; `family`: the number of tests among which it should be able to pass. None where the systems
    have other numbers of seeds or other clips, too few of them, or where the test would take more than minutes.
    """
    if len(theirs) != len(ours) or len({one.owners for one in (*ours, *theirs)}) > 1:
        return None
    owners = ours[0].groups(groups)
    try:
        if column.measure == "kernel":
            test = _kernel_test(column, ours, theirs, reference, owners, seed)
        else:
            test = _distance_test(column, ours, theirs, reference, owners, family, seed)
    except ContractError:  # too few clips
        return None
    return None if test is None else replace(test, n=ours[0].clips)  # a clip can have several rows


def _kernel_test(
    column: Column,
    ours: Sequence[FeatureSet],
    theirs: Sequence[FeatureSet],
    reference: FeatureSet,
    owners: Sequence[Hashable],
    seed: int,
) -> PairedTest | None:
    if not is_affordable(column, ours[0], reference, _KERNEL_CALLS * len(ours)):
        return None
    pairs = zip(ours, theirs, strict=True)
    differences = [exchange_differences(one.rows, other.rows, reference.rows) for one, other in pairs]
    return sign_flip_test(np.mean(differences, axis=0).tolist(), owners, seed=seed)


def _distance_test(
    column: Column,
    ours: Sequence[FeatureSet],
    theirs: Sequence[FeatureSet],
    reference: FeatureSet,
    owners: list[Hashable],
    family: int,
    seed: int,
) -> PairedTest | None:
    count, distance = len(ours), column_distance(column)
    numbers = (max(SWAPS, math.ceil(family / LEVEL)), SWAPS)  # with the first the smallest p passes among so many tests
    affordable = (draws for draws in numbers if is_affordable(column, ours[0], reference, 2 * draws * count))
    if (draws := next(affordable, None)) is None:
        return None

    def mean(rows: Rows, of_reference: Rows) -> float:
        return float(np.mean([distance(part, of_reference) for part in np.split(rows, count)]))

    first, second = (np.concatenate([one.rows for one in sets]) for sets in (ours, theirs))
    return swap_test(mean, first, second, reference.rows, owners * count, seed=seed, draws=draws)
