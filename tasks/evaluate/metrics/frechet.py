"""Fréchet distance (FD) between two sets of features, each described by its mean and covariance.

FD = |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1 S2)^(1/2)), covariances with n - 1, as av-benchmark computes it. There,
means are summed in the features' own float32 and the root is that of the product, which is not symmetric. Here both
moments are float64, and tr((S1 S2)^(1/2)) is the sum of the square roots of the eigenvalues of U S2 U' with S1 = U' U,
which is symmetric. Values agree to 1e-7; of features with a large common offset they differ by the error of float32
sums (0.2 to 0.6 % for an offset of 1,000 standard deviations in 15,000 rows), and the float64 value is the right one.

Legend: N rows, D width.
"""

from __future__ import annotations

from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy import linalg
from scipy.linalg import blas, lapack

from tasks.evaluate.metrics.checks import Matrix, Vector, require_matrix, require_rows, require_same_width

_BLOCK: Final = 1024  # rows that are converted to float64 at a time
_NAME: Final = "FD"
_Square = npt.NDArray[np.float64]


class Moments:
    """Number, mean and scatter of rows that arrive in chunks. Memory: D x D in float64, whatever the number of rows."""

    def __init__(self, width: int) -> None:
        self.n = 0
        self.mean_D: Vector = np.zeros(width)
        self._scatter_DD: _Square = np.zeros((width, width), order="F")  # the upper triangle alone is kept up to date

    @classmethod
    def of(cls, features_ND: Matrix) -> Self:
        """Returns the moments of an array. Raises ContractError when it is not (N, D) or not finite."""
        require_matrix(features_ND, _NAME)
        moments = cls(features_ND.shape[1])
        moments.update(features_ND)
        return moments

    @property
    def width(self) -> int:
        """The features' width D."""
        return len(self.mean_D)

    def update(self, features_ND: Matrix) -> None:
        """Adds rows. Raises ContractError when they are not finite or of another width."""
        require_matrix(features_ND, _NAME)
        require_same_width(self.width, features_ND.shape[1], _NAME)
        for start in range(0, len(features_ND), _BLOCK):
            block_ND = features_ND[start : start + _BLOCK].astype(np.float64)
            mean_D = block_ND.mean(axis=0)
            block_ND -= mean_D
            self._scatter_DD = blas.dsyrk(1.0, block_ND.T, beta=1.0, c=self._scatter_DD, overwrite_c=1)
            self._join(len(block_ND), mean_D)

    def merge(self, other: Moments) -> None:
        """Adds the rows that another accumulator has seen. Raises ContractError when its width differs."""
        require_same_width(self.width, other.width, _NAME)
        self._scatter_DD += other._scatter_DD
        self._join(other.n, other.mean_D)

    def covariance(self) -> _Square:
        """Returns (D, D) with n - 1 below the line, in Fortran's order. Raises UndefinedMetricError for n < 2."""
        upper_DD = np.triu(self.upper_covariance())
        return np.asfortranarray(upper_DD + np.triu(upper_DD, 1).T)

    def upper_covariance(self) -> _Square:
        """Returns (D, D) in Fortran's order, of which only the upper triangle is the covariance's. Raises as above."""
        require_rows(self.n, 2, "covariance")
        return self._scatter_DD / (self.n - 1)

    def total_variance(self) -> float:
        """Returns the covariance's trace. Raises UndefinedMetricError for n < 2."""
        require_rows(self.n, 2, "covariance")
        return float(np.trace(self._scatter_DD)) / (self.n - 1)

    def _join(self, count: int, mean_D: Vector) -> None:
        """Moves the mean, and adds to the scatter what both means differ by (Chan, Golub and LeVeque 1979)."""
        if not count:
            return
        total = self.n + count
        shift_D = mean_D - self.mean_D
        weight = self.n * count / total
        self._scatter_DD = blas.dsyr(weight, shift_D, a=self._scatter_DD, overwrite_a=1)
        self.mean_D = self.mean_D + shift_D * (count / total)
        self.n = total


def frechet_distance(generated: Moments, reference: Moments) -> float:
    """Returns the FD, at least 0 (rounding below 0 is cut). The same whichever set comes first.

    It falls with the number of rows even where nothing else differs: compare values of equal n alone
    (`comparison.ranked`). Raises UndefinedMetricError for a set of fewer than two rows, ContractError for features of
    different widths.
    """
    require_same_width(generated.width, reference.width, _NAME)
    for moments, what in ((generated, "generated"), (reference, "reference")):
        require_rows(moments.n, 2, f"{_NAME}, {what} features")
    shift_D = generated.mean_D - reference.mean_D
    spread = generated.total_variance() + reference.total_variance()
    return max(0.0, float(shift_D @ shift_D) + spread - 2 * _root_trace(generated, reference))


def feature_distance(generated_ND: Matrix, reference_MD: Matrix) -> float:
    """Returns the FD of two arrays of features. Raises as `frechet_distance`."""
    return frechet_distance(Moments.of(generated_ND), Moments.of(reference_MD))


def _root_trace(first: Moments, second: Moments) -> float:
    """Returns tr((S1 S2)^(1/2)), from the set whose covariance Cholesky's method can factor, if there is one."""
    rank = min(first.n, second.n) - 1  # the product has no more: further eigenvalues are rounding
    pairs = ((first, second), (second, first))
    for factored, other in pairs:
        if factored.n <= factored.width:
            continue  # singular
        factor_DD, failed = lapack.dpotrf(factored.upper_covariance(), lower=0, overwrite_a=1)
        if not failed:
            between_DD, _ = lapack.dsygst(other.upper_covariance(), factor_DD, itype=2, lower=0, overwrite_a=1)
            return _root_sum(between_DD, rank)
    smaller, larger = sorted(pairs[0], key=lambda moments: moments.n)
    root_DR = _root_factor(smaller.upper_covariance())
    return _root_sum(root_DR.T @ larger.covariance() @ root_DR, rank)


def _root_factor(upper_DD: _Square) -> _Square:
    """Returns (D, R) whose product with its transpose is a covariance of rank R, given by its upper triangle."""
    values_D, vectors_DD = linalg.eigh(upper_DD, lower=False, overwrite_a=True, check_finite=False)
    kept = values_D > len(values_D) * np.finfo(np.float64).eps * values_D[-1]
    root_DR: _Square = vectors_DD[:, kept] * np.sqrt(values_D[kept])
    return root_DR


def _root_sum(upper_RR: _Square, rank: int) -> float:
    """Returns the sum of the square roots of the `rank` largest eigenvalues of a symmetric matrix, whose upper triangle
    is read; rounding below 0 is cut."""
    if not len(upper_RR):
        return 0.0
    values_R = linalg.eigvalsh(upper_RR, lower=False, overwrite_a=True, check_finite=False)
    return float(np.sqrt(np.maximum(values_R[-rank:], 0)).sum())
