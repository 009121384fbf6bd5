"""What set metrics give without a model: another half of the reference (upper bound), shuffled pairs, noise, silence.

A set metric does not see which clip belongs to which video, so its upper bound is not a clip's own truth, but other
real clips of the same kind: half of the reference against the other half. The numbers of rows are then half, and a
system is comparable only at the same half (`at_half`).

Legend: N rows, D width.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tasks.evaluate import baselines
from tasks.evaluate.groups import Indices, group_index
from tasks.evaluate.metrics.checks import Distance, Matrix, UndefinedMetricError, require_length
from tasks.evaluate.metrics.comparison import SetDistance
from tasks.media.samples import Samples

OTHER_HALF: Final = "other half of the reference"


def other_half(distance: Distance, reference_ND: Matrix, groups: Sequence[Hashable], *, seed: int) -> SetDistance:
    """Returns the distance of one random half of the reference's groups to the other.

    `groups`: one per row. Raises UndefinedMetricError for fewer than two groups.
    """
    first_N = first_half(groups, len(reference_ND), seed)
    return _distance(distance, reference_ND[first_N], reference_ND[~first_N])


def at_half(
    distance: Distance, generated_ND: Matrix, reference_ND: Matrix, groups: Sequence[Hashable], *, seed: int
) -> SetDistance:
    """Returns a system's distance with the numbers of rows that `other_half` has: what it made for the first half's
    clips, against the second half of the reference.

    Row n of both is the same clip (or patch). Raises ContractError when their numbers differ, else as `other_half`.
    """
    require_length(len(generated_ND), len(reference_ND), "half of the reference, generated features")
    first_N = first_half(groups, len(reference_ND), seed)
    return _distance(distance, generated_ND[first_N], reference_ND[~first_N])


def first_half(groups: Sequence[Hashable], rows: int, seed: int) -> npt.NDArray[np.bool_]:
    """Returns (N,) whether a row's group is in the first half, which has the smaller number of groups if it is odd.

    The same groups in the same order give the same halves, whatever the number of rows of each. Raises as `other_half`.
    """
    index_N = group_index(groups, rows)
    count = int(index_N.max(initial=-1)) + 1
    if count < 2:
        raise UndefinedMetricError(f"half of the reference: needs at least 2 groups, got {count}")
    chosen_G = np.random.default_rng(seed).permutation(count) < count // 2
    return np.asarray(chosen_G[index_N])


def shuffled_order(groups: Sequence[Hashable], seed: int) -> Indices:
    """Returns (N,) for each clip another clip, each once, of another group: the chance row of metrics of pairs.

    Where one group has more than half of the clips, some of its clips get one of their own. Raises UndefinedMetricError
    for fewer than two groups.
    """
    index_N = group_index(groups, len(groups))
    count = int(index_N.max(initial=-1)) + 1
    if count < 2:
        raise UndefinedMetricError(f"shuffled pairing: needs at least 2 groups, got {count}")
    rng = np.random.default_rng(seed)
    by_group = np.lexsort((rng.random(len(index_N)), rng.permutation(count)[index_N]))
    shift = int(np.bincount(index_N).max())  # groups are contiguous, so this many places on there is another group
    order_N = np.empty(len(index_N), np.intp)
    order_N[by_group] = np.roll(by_group, -shift)
    return order_N


def baseline_sounds(truths: Sequence[Samples], groups: Sequence[Hashable], *, seed: int) -> dict[str, list[Samples]]:
    """Returns system -> sounds to be judged as a model's are, each as long as the true one.

    They are another group's truth, cut or continued with silence; white noise at -20 dBFS; and silence. Raises as
    `shuffled_order`.
    """
    rng = np.random.default_rng(seed)
    order = shuffled_order(groups, seed)
    return {
        baselines.SHUFFLED: [
            _fitted(truths[other], len(truth_T)) for other, truth_T in zip(order, truths, strict=True)
        ],
        baselines.NOISE: [baselines.white_noise(len(truth_T), rng) for truth_T in truths],
        baselines.SILENCE: [baselines.silence(len(truth_T)) for truth_T in truths],
    }


def _fitted(samples_T: Samples, length: int) -> Samples:
    return np.pad(samples_T[:length], (0, max(0, length - len(samples_T))))


def _distance(distance: Distance, first_ND: Matrix, second_ND: Matrix) -> SetDistance:
    return SetDistance(value=distance(first_ND, second_ND), n=len(first_ND), n_reference=len(second_ND))
