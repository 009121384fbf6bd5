"""Accuracy per stratum with its interval, and how far raters agree, from their answers. Source: SPEC A8."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import krippendorff
import numpy as np

from data_contracts.quantities import counted
from tasks.commands.verify.ratings import Answer, Rating
from tasks.commands.verify.sheet import STRATA, Entry

_Z95: Final = 1.959963984540054
ALL: Final = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumAccuracy:
    """What was found in one stratum. `answered` counts yes and no; `unsure` is counted apart.

    `accuracy` is None with nothing answered; `low`..`high` is the 95 % Wilson interval.
    """

    stratum: str
    rows: int
    answered: int
    correct: int
    unsure: int
    accuracy: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far raters agree on the rows that two or more answered (`shared`).

    `observed`: the share of rater pairs with the same answer. `alpha`: Krippendorff's alpha, nominal; None where it is
    undefined (one answer everywhere leaves no disagreement by chance to compare with). Unsure is an answer like others.
    """

    raters: int
    shared: int
    observed: float | None
    alpha: float | None

    def text(self, noun: str) -> str:
        """Returns one line about it; `noun`: what was rated, for example `row`."""
        if self.observed is None:
            return f"agreement: {self.raters} raters, no {noun} answered by two of them"
        alpha = "undefined (one answer everywhere)" if self.alpha is None else f"{self.alpha:.2f}"
        return (
            f"agreement: {self.raters} raters, {counted(self.shared, noun)} answered by two or more; "
            f"same answer {self.observed:.1%}, Krippendorff's alpha {alpha}"
        )


def accuracy_table(entries: Sequence[Entry], answers: Mapping[str, Answer]) -> list[StratumAccuracy]:
    """Returns the accuracy per stratum that has rows, then over all."""
    strata: dict[str, list[Entry]] = {name: [] for name in STRATA}
    for entry in entries:
        strata.setdefault(entry.stratum, []).append(entry)
    rows = [_accuracy(name, part, answers) for name, part in strata.items() if part]
    return [*rows, _accuracy(ALL, entries, answers)]


def majority(ratings: Mapping[str, Mapping[str, Rating]]) -> dict[str, Answer]:
    """Returns item id -> the answer that most raters gave; a tie is `unsure`."""
    votes: dict[str, Counter[Answer]] = {}
    for answers in ratings.values():
        for item_id, rating in answers.items():
            votes.setdefault(item_id, Counter())[rating.answer] += 1
    return {item_id: _winner(counts) for item_id, counts in votes.items()}


def agreement(ratings: Mapping[str, Mapping[str, Rating]]) -> Agreement:
    """Returns how far the raters agree. Source: Krippendorff 2004, ch. 11; computed by the `krippendorff` package."""
    items = sorted({item_id for answers in ratings.values() for item_id in answers})
    names = sorted({rating.answer for answers in ratings.values() for rating in answers.values()})
    codes = np.full((len(ratings), len(items)), np.nan)
    for row, answers in enumerate(ratings.values()):
        for column, item_id in enumerate(items):
            if item_id in answers:
                codes[row, column] = names.index(answers[item_id].answer)
    shared = codes[:, (~np.isnan(codes)).sum(axis=0) >= 2] if len(ratings) > 1 else codes[:, :0]
    return Agreement(raters=len(ratings), shared=shared.shape[1], observed=_observed(shared), alpha=_alpha(shared))


def wilson_interval(correct: int, answered: int) -> tuple[float, float]:
    """Returns the 95 % Wilson score interval of a share; (0, 1) with nothing answered."""
    if answered == 0:
        return 0.0, 1.0
    share, z2 = correct / answered, _Z95**2
    centre = share + z2 / (2 * answered)
    reach = _Z95 * math.sqrt(share * (1 - share) / answered + z2 / (4 * answered**2))
    scale = 1 + z2 / answered
    return max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale)


def _accuracy(stratum: str, entries: Sequence[Entry], answers: Mapping[str, Answer]) -> StratumAccuracy:
    given = Counter(answers[entry.item_id] for entry in entries if entry.item_id in answers)
    decided = given["yes"] + given["no"]
    low, high = wilson_interval(given["yes"], decided)
    return StratumAccuracy(
        stratum=stratum,
        rows=len(entries),
        answered=decided,
        correct=given["yes"],
        unsure=given["unsure"],
        accuracy=given["yes"] / decided if decided else None,
        low=low,
        high=high,
    )


def _winner(counts: Counter[Answer]) -> Answer:
    (first, most), *rest = counts.most_common()
    return "unsure" if any(count == most for _, count in rest) else first


def _observed(codes: np.ndarray) -> float | None:
    """Returns the mean over items of the share of rater pairs that agree; None without a shared item."""
    shares = []
    for column in codes.T:
        counts = Counter(column[~np.isnan(column)].tolist())
        total = sum(counts.values())
        shares.append(sum(n * (n - 1) for n in counts.values()) / (total * (total - 1)))
    return float(np.mean(shares)) if shares else None


def _alpha(codes: np.ndarray) -> float | None:
    if codes.shape[1] == 0 or len(np.unique(codes[~np.isnan(codes)])) < 2:
        return None
    return float(krippendorff.alpha(reliability_data=codes, level_of_measurement="nominal"))
