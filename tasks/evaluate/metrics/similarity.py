"""Metrics of pairs: cosines of two embeddings (IB, CLAP, CLAP_A, Resemblyzer) and DeSync's offsets.

Legend: N clips, D width, W = 2 windows, K = 21 offsets.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from data_contracts.errors import ContractError
from tasks.evaluate.metrics.checks import Matrix, Vector, require_pairs, require_rows

WINDOWS: Final = 2
OFFSETS: Final = 21
"""Classes of offset, evenly from -2 s to 2 s."""
LONGEST_OFFSET_S: Final = 2.0
_SMALLEST: Final = 1e-8  # norms below it count as this, as torch.cosine_similarity does


def cosines(first_ND: Matrix, second_ND: Matrix) -> Vector:
    """Returns (N,) cosines of the rows, -1..1; 0 where a row is zero.

    Their mean is IB-score (video and audio embeddings), CLAP_T and MS-CLAP (text and audio) or CLAP_A (reference and
    generated audio), which papers print times 1 or times 100. Raises ContractError for other shapes or values that are
    not finite, UndefinedMetricError without clips.
    """
    require_pairs(first_ND, second_ND, "cosine")
    first_ND, second_ND = first_ND.astype(np.float64), second_ND.astype(np.float64)
    norms_N = (np.maximum(np.linalg.norm(one, axis=1), _SMALLEST) for one in (first_ND, second_ND))
    products_N: Vector = np.einsum("nd,nd->n", first_ND, second_ND) / np.prod(list(norms_N), axis=0)
    return products_N


def desync_per_clip(logits_NWK: Matrix) -> Vector:
    """Returns (N,) the mean absolute offset in seconds of a clip's two windows; their mean is DeSync.

    `logits_NWK`: Synchformer's for both windows. The most probable class counts, so a window's value is a multiple of
    0.2 s. Raises ContractError for other shapes or values that are not finite, UndefinedMetricError without clips.
    """
    if logits_NWK.ndim != 3 or logits_NWK.shape[1:] != (WINDOWS, OFFSETS):
        raise ContractError(f"DeSync: shape {logits_NWK.shape}, expected (clips, {WINDOWS}, {OFFSETS})")
    if not np.isfinite(logits_NWK).all():
        raise ContractError("DeSync: NaN or infinity in the logits")
    require_rows(len(logits_NWK), 1, "DeSync")
    middle = OFFSETS // 2
    offsets_NW = np.abs(logits_NWK.argmax(axis=2) - middle) * (LONGEST_OFFSET_S / middle)
    offsets_N: Vector = offsets_NW.mean(axis=1)
    return offsets_N
