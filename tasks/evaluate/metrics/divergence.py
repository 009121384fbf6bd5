"""KL and inception score (IS) from a classifier's logits, as av-benchmark computes them; float64 throughout.

Legend: N clips, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from scipy.special import log_softmax, logsumexp

from tasks.evaluate.metrics.checks import Matrix, Vector, require_matrix, require_pairs, require_rows

SPLITS: Final = 10
_SEED: Final = 2020  # av-benchmark's


def kl_per_clip(generated_NK: Matrix, reference_NK: Matrix) -> Vector:
    """Returns (N,) KL(reference || generated) of the softmax over classes, in nats, of clips in the same order.

    Its mean is KL as AudioGen has it. It does not see the level that a classifier ignores, and says little of classes
    that both clips lack. Raises ContractError for other shapes or values that are not finite, UndefinedMetricError
    without clips.
    """
    require_pairs(generated_NK, reference_NK, "KL")
    log_generated_NK = log_softmax(generated_NK.astype(np.float64), axis=1)
    log_reference_NK = log_softmax(reference_NK.astype(np.float64), axis=1)
    divergence_N: Vector = (np.exp(log_reference_NK) * (log_reference_NK - log_generated_NK)).sum(axis=1)
    return divergence_N


@dataclass(frozen=True, slots=True, kw_only=True)
class InceptionScore:
    """IS over splits: its mean, the population deviation of the splits' values, and the number of clips."""

    mean: float
    deviation: float
    n: int


def inception_score(logits_NK: Matrix) -> InceptionScore:
    """Returns IS: the exponential of the mean KL from each clip's softmax to the mean softmax, over 10 splits.

    1 (all clips alike) to the number of classes. Clips are in the order of their files' names, then permuted with
    av-benchmark's seed; the value depends on that order. Raises UndefinedMetricError for fewer than 10 clips, which
    leave a split empty, ContractError for values that are not finite.
    """
    require_matrix(logits_NK, "IS")
    count = len(logits_NK)
    require_rows(count, SPLITS, f"IS over {SPLITS} splits")
    order_N = np.random.RandomState(_SEED).permutation(count)
    log_NK = log_softmax(logits_NK[order_N].astype(np.float64), axis=1)
    edges = [split * count // SPLITS for split in range(SPLITS + 1)]
    scores = [_score(log_NK[start:end]) for start, end in pairwise(edges)]
    return InceptionScore(mean=float(np.mean(scores)), deviation=float(np.std(scores)), n=count)


def _score(log_NK: Vector) -> float:
    log_mean_K = logsumexp(log_NK, axis=0) - np.log(len(log_NK))
    return float(np.exp((np.exp(log_NK) * (log_NK - log_mean_K)).sum(axis=1).mean()))
