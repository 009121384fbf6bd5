"""Tests of differences: paired by clip, counted by group, and corrected for their number (Holm 1979).

A group is what clips have in common (object, recording, source video). Under the hypothesis of no difference the two
systems' clips of a group could be exchanged, which turns the sign of the group's difference; nothing else is assumed.

Legend: N clips, M reference rows, D width, G groups, E exchanges.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from data_contracts.errors import ContractError
from tasks.evaluate.groups import group_index
from tasks.evaluate.metrics.checks import Distance, Matrix

LEVEL: Final = 0.05
"""The probability that any of a family of tests has a verdict though there is no difference. Of claims about trainings
it is about twice that where the seeds of three trainings differ far more than the clips do."""
_EXACT_GROUPS: Final = 14  # of up to so many all 2^G signs are tried
_DRAWS: Final = 10_000
SWAPS: Final = 199
"""Exchanges of groups between the systems that a test of a set metric tries, unless more are asked for."""
_AS_LARGE: Final = 20
_ROUNDING: Final = 1e-9  # totals that differ by this share are the same total, summed in another order

NameT = TypeVar("NameT", str, tuple[str, str, str])
"""The name of a test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedTest:
    """The mean difference of paired clips (first minus second) and the two-sided p-value of no difference.

    `least_p`: the smallest p-value that so many groups, or draws, can give.
    """

    difference: float
    p_value: float
    least_p: float
    n: int
    n_groups: int


def sign_flip_test(differences_N: Sequence[float], groups: Sequence[Hashable], *, seed: int) -> PairedTest:
    """Returns the sign-flip test of the clips' mean difference. `groups`: one per clip.

    Each group keeps one sign. With up to 14 groups all signs are tried, so the p-value is exact and at least
    2 / 2^G; with more, 10,000 drawn ones. Raises ContractError without clips, for a difference that is not finite, or
    unless there is one group per clip.
    """
    values_N = np.asarray(differences_N, np.float64)
    if not len(values_N) or not np.isfinite(values_N).all():
        raise ContractError("paired test: differences must be finite, of one clip at least")
    index_N = group_index(groups, len(values_N))
    totals_G = np.bincount(index_N, values_N).astype(np.float64)
    count = len(totals_G)
    if count <= _EXACT_GROUPS:
        bits = np.arange(1 << count)[:, None] >> np.arange(count) & 1
        p_value, least_p = _share_as_large((2.0 * bits - 1) @ totals_G, totals_G), min(1.0, 2 / (1 << count))
    else:
        signs = np.random.default_rng(seed).integers(0, 2, (_DRAWS, count))
        p_value = (1 + _share_as_large((2.0 * signs - 1) @ totals_G, totals_G) * _DRAWS) / (1 + _DRAWS)
        least_p = 1 / (1 + _DRAWS)
    return PairedTest(
        difference=float(values_N.mean()), p_value=p_value, least_p=least_p, n=len(values_N), n_groups=count
    )


def swap_test(
    distance: Distance,
    first_ND: Matrix,
    second_ND: Matrix,
    reference_MD: Matrix,
    groups: Sequence[Hashable],
    *,
    seed: int,
    draws: int = SWAPS,
) -> PairedTest:
    """Returns the test of two systems' difference in a set metric such as FD or KAD, which no clip has by itself.

    Row n of both systems is the same clip (or patch); `groups`: one per row. Whole groups are exchanged between the
    systems; the p-value is the share of exchanges whose difference is as large, the real one among them. Both sets keep
    their number of rows, so the bias of FD is the same. Where the exchanges are `draws` at most (8 groups with 199),
    all are tried and the p-value is exact; else so many are drawn, or as many as it takes until 20 differences are as
    large: the p-value is then 20 by their number (Besag and Clifford 1991). Costs two calls of `distance` for each.
    Raises ContractError unless both systems have the same shape, a row at least and one group per row.
    """
    if first_ND.shape != second_ND.shape or not len(first_ND):
        shapes = f"{first_ND.shape} and {second_ND.shape}"
        raise ContractError(f"paired test: features {shapes}; expected the same clips, one at least")
    index_N = group_index(groups, len(first_ND))
    count = int(index_N.max()) + 1
    found = distance(first_ND, reference_MD) - distance(second_ND, reference_MD)

    def is_as_large(swapped_G: npt.NDArray[np.bool_]) -> bool:
        swapped_N1 = swapped_G[index_N, None]
        one_ND, other_ND = np.where(swapped_N1, second_ND, first_ND), np.where(swapped_N1, first_ND, second_ND)
        difference = distance(one_ND, reference_MD) - distance(other_ND, reference_MD)
        return abs(difference) >= abs(found) * (1 - _ROUNDING)

    exchanges = 1 << (count - 1)  # the first group stays: exchanging all others in its place turns the sign alone
    if exchanges <= draws:
        bits_EG = np.arange(exchanges)[:, None] << 1 >> np.arange(count) & 1
        p_value, least_p = float(np.mean([is_as_large(bits_G > 0) for bits_G in bits_EG])), 1 / exchanges
    else:
        p_value, least_p = _drawn_share(is_as_large, count, draws, seed), max(1 / (1 + draws), 1 / exchanges)
    return PairedTest(difference=found, p_value=p_value, least_p=least_p, n=len(first_ND), n_groups=count)


def _drawn_share(is_as_large: Callable[[npt.NDArray[np.bool_]], bool], count: int, draws: int, seed: int) -> float:
    """Returns the p-value from exchanges of so many groups that are drawn until 20 are as large, `draws` at most."""
    rng, as_large = np.random.default_rng(seed), 0
    for drawn in range(1, draws + 1):
        as_large += is_as_large(rng.integers(0, 2, count).astype(np.bool_))
        if as_large == _AS_LARGE:
            return as_large / drawn
    return (1 + as_large) / (1 + draws)


def _share_as_large(totals: npt.NDArray[np.float64], totals_G: npt.NDArray[np.float64]) -> float:
    """Returns the share of totals that are at least as far from 0 as the real one."""
    slack = _ROUNDING * float(np.abs(totals_G).sum())
    return float(np.mean(np.abs(totals) >= abs(float(totals_G.sum())) - slack))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What Holm's method gives one test: its adjusted p-value, and the confidence of the interval that agrees."""

    p_holm: float
    confidence: float


def holm(p_values: Mapping[NameT, float], family: int) -> dict[NameT, Decision]:
    """Returns Holm's decision per test, for a family of tests of which some may have no p-value yet.

    A test's interval excludes zero exactly when its adjusted p-value is below `LEVEL`.
    """
    decisions: dict[NameT, Decision] = {}
    adjusted, divisor, rejects = 0.0, family, True
    for rank, (name, p_value) in enumerate(sorted(p_values.items(), key=lambda item: (item[1], item[0]))):
        adjusted = max(adjusted, min(1.0, (family - rank) * p_value))
        if rejects:  # after the first test that is not rejected, none is: the later ones keep its confidence
            divisor = family - rank
        rejects = rejects and adjusted < LEVEL
        decisions[name] = Decision(p_holm=adjusted, confidence=1 - LEVEL / divisor)
    return decisions


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedSpread:
    """A metric over several seeds: mean, sample standard deviation (None for one seed), lowest, highest, number."""

    mean: float
    deviation: float | None
    lowest: float
    highest: float
    seeds: int


def spread(values: Sequence[float]) -> SeedSpread:
    """Returns the spread of one metric's values, one per seed. Raises ContractError without any or for NaN."""
    found = np.asarray(values, np.float64)
    if not len(found) or not np.isfinite(found).all():
        raise ContractError("spread over seeds: values must be finite, of one seed at least")
    return SeedSpread(
        mean=float(found.mean()),
        deviation=float(found.std(ddof=1)) if len(found) > 1 else None,
        lowest=float(found.min()),
        highest=float(found.max()),
        seeds=len(found),
    )
