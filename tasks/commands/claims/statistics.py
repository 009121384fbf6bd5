"""Paired differences over seeds and objects: interval and p-value of their mean.

Another seed trains another network, another object makes other clips, and every network meets every object: two
crossed random factors. With three seeds a bootstrap over seeds is far too narrow (it can only repeat the three), so the
interval is Student's with Satterthwaite's degrees of freedom. How often it covers the truth is measured in
`tests/tasks/commands/claims/test_statistics.py`.

Legend: S seeds, G groups (objects).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from tasks.evaluate.significance import LEVEL

_ROUNDING: Final = 1e-12  # a spread smaller than this share of the mean is that of float sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean with its standard error and degrees of freedom. `groups`: over how many objects."""

    mean: float
    error: float
    freedom: float
    groups: int

    @property
    def p_value(self) -> float:
        """Two-sided, of the hypothesis that the true mean is zero.

        Differences that are all the same have no spread; the p-value is then that of a sign test over the objects.
        """
        if self.error == 0:
            return 1.0 if self.mean == 0 else min(1.0, 2.0 ** (1 - self.groups))
        return float(2 * stats.t.sf(abs(self.mean) / self.error, self.freedom))

    def interval(self, confidence: float) -> tuple[float, float]:
        """Returns the two-sided interval of the mean."""
        half = float(stats.t.ppf((1 + confidence) / 2, self.freedom)) * self.error
        return self.mean - half, self.mean + half


def crossed_estimate(values_SG: npt.NDArray[np.float64]) -> Estimate | None:
    """Returns the mean over seeds and objects of a new seed and a new object; None with fewer than two of either.

    `values_SG`: one difference per seed and object. The variance of the mean is that of the two-way layout without
    replication, (MS_seed + MS_object - MS_rest) / SG; where chance makes that smaller than one factor's own share, the
    greater share counts, with its degrees of freedom.
    """
    seeds, groups = values_SG.shape
    if min(seeds, groups) < 2:
        return None
    mean = float(values_SG.mean())
    seed_S, group_G = values_SG.mean(axis=1) - mean, values_SG.mean(axis=0) - mean
    rest_SG = values_SG - mean - seed_S[:, None] - group_G
    squares = np.array([groups * (seed_S**2).sum(), seeds * (group_G**2).sum(), (rest_SG**2).sum()])
    freedoms = np.array([seeds - 1, groups - 1, (seeds - 1) * (groups - 1)])
    of_seed, of_group, of_rest = squares / freedoms
    total = of_seed + of_group - of_rest
    largest = int(of_group >= of_seed)
    if total < max(of_seed, of_group):
        total, freedom = max(of_seed, of_group), float(freedoms[largest])
    else:
        parts = float((np.square(squares / freedoms) / freedoms).sum())
        freedom = max(1.0, float(total**2 / parts)) if parts > 0 else 1.0
    error = float(np.sqrt(total / (seeds * groups)))
    if error <= _ROUNDING * abs(mean):
        error = 0.0
    return Estimate(mean=mean, error=error, freedom=freedom, groups=groups)


def verdict(mean: float, p_holm: float) -> str:
    """Returns `shown`, `contradicted` or `not shown`, by the sign of the difference and its adjusted p-value."""
    if p_holm >= LEVEL:
        return "not shown"
    return "shown" if mean > 0 else "contradicted"
