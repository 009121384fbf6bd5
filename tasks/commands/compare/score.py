"""The score of a GSB study with its interval: (G + S) / (S + B). Source: SPEC E4."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

_RESAMPLES: Final = 2000
_TAILS: Final = (0.025, 0.975)
Votes = Mapping[str, Mapping[str, str]]
"""Rater -> item -> a (A is better), same, b."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gsb:
    """Of so many answers, how many find A better (good), the same, B better (bad).

    `score` is None where every answer is good: it has no upper end. `low`..`high` is a 95 % interval over raters and
    captions, both drawn anew; None with fewer than two of either. An end is infinite where too many draws have no bad
    or same answer.
    """

    good: int
    same: int
    bad: int
    raters: int
    items: int
    score: float | None
    low: float | None
    high: float | None

    @property
    def answers(self) -> int:
        """Answers in all."""
        return self.good + self.same + self.bad


def gsb_score(good: float, same: float, bad: float) -> float | None:
    """Returns (G + S) / (S + B): above 1, A is better; None where S + B is 0. 386:66:48 gives 3.965 (the paper)."""
    return (good + same) / (same + bad) if same + bad else None


def gsb(votes: Votes, items: Sequence[str], *, seed: int = 0) -> Gsb:
    """Returns the result for these items. An item that a rater has not answered does not count for that rater, and
    raters and items without an answer are not drawn."""
    wins = np.array([[_code(answers.get(item)) for item in items] for answers in votes.values()], np.float64)
    wins = wins.reshape(len(votes), len(items))
    is_answered = ~np.isnan(wins)
    wins = wins[np.ix_(is_answered.any(1), is_answered.any(0))]
    good, same, bad = (int((wins == code).sum()) for code in (1, 0, -1))
    raters, used = wins.shape
    low, high = _interval(wins, seed) if raters > 1 and used > 1 else (None, None)
    return Gsb(
        good=good, same=same, bad=bad, raters=raters, items=used, score=gsb_score(good, same, bad), low=low, high=high
    )


def _interval(wins_RI: np.ndarray, seed: int) -> tuple[float, float]:
    """Returns the percentile interval of a bootstrap that draws raters and items, with replacement.

    Draws without any answer, which happen where raters heard different captions, have no score and are left out.
    """
    rng = np.random.default_rng(seed)
    raters, items = wins_RI.shape
    scores = []
    for _ in range(_RESAMPLES):
        drawn = wins_RI[rng.integers(0, raters, raters)][:, rng.integers(0, items, items)]
        good, same, bad = ((drawn == code).sum() for code in (1, 0, -1))
        if good + same + bad:
            scores.append((good + same) / (same + bad) if same + bad else np.inf)
    low, high = np.quantile(scores, _TAILS, method="inverted_cdf")
    return float(low), float(high)


def _code(answer: str | None) -> float:
    return {"a": 1.0, "same": 0.0, "b": -1.0}[answer] if answer is not None else float("nan")
