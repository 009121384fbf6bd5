"""FD, KL and IS beside av-benchmark's own code on the same random features: the relative difference of each.

`python -m benchmarks.evaluation formulas CHECKOUT`: a checkout of hkchengrex/av-benchmark, whose metrics need no more
than NumPy, SciPy and torch.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from benchmarks.frechet_speed import features
from tasks.evaluate.metrics.divergence import inception_score, kl_per_clip
from tasks.evaluate.metrics.frechet import feature_distance

SETS: Final = ((1200, 800, 128), (300, 300, 768), (60, 500, 128))
"""Generated rows, reference rows, width: more rows than columns, fewer on both sides, fewer on one."""
CLIPS: Final = (13, 964)
CLASSES: Final = 527


def compared(theirs: Any) -> Iterator[tuple[str, float, float]]:
    """Yields name, our value and that of av-benchmark's package `av_bench.metrics`."""
    for rows, reference_rows, width in SETS:
        generated_ND, reference_MD = features(rows, width, 1, 0.1), features(reference_rows, width, 2, 0.2)
        yield (
            f"FD, {rows} against {reference_rows} x {width}", feature_distance(generated_ND, reference_MD),
            float(theirs.compute_fd(generated_ND, reference_MD)),
        )  # fmt: skip
    for count in CLIPS:
        rng = np.random.default_rng(count)
        generated_NK, reference_NK = (3 * rng.standard_normal((2, count, CLASSES)) - 4).astype(np.float32)
        generated, reference = torch.from_numpy(generated_NK), torch.from_numpy(reference_NK)
        kl = theirs.compute_kl([generated], reference)["kl_softmax"]
        yield f"KL, {count} clips", float(kl_per_clip(generated_NK, reference_NK).mean()), kl
        score = theirs.compute_isc(generated, None, rng_seed=2020, samples_shuffle=True, splits=10)
        ours = inception_score(generated_NK)
        yield f"IS mean, {count} clips", ours.mean, score["inception_score_mean"]
        yield f"IS deviation, {count} clips", ours.deviation, score["inception_score_std"]


def main(arguments: list[str]) -> int:
    """Prints one line per metric."""
    parser = argparse.ArgumentParser(prog="benchmarks.evaluation formulas", description=__doc__)
    parser.add_argument("checkout", type=Path)
    given = parser.parse_args(arguments)
    sys.path.insert(0, str(given.checkout))
    for name, ours, theirs in compared(importlib.import_module("av_bench.metrics")):
        print(f"{name:<28}{ours:>16.9f}{theirs:>16.9f}{abs(ours - theirs) / max(abs(theirs), 1e-12):>10.1e}")
    return 0
