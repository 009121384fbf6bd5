"""How often 95 % intervals contain the truth, on simulated sets of clips whose truth is known.

A set has n clips in groups that are alike by a correlation; its true share is drawn from a range, so that a cell says
what holds for shares like these rather than for one share, where whole numbers of hits make the coverage jump.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from tasks.evaluate.intervals import Bounds, mean_interval, share_interval
from tasks.evaluate.metrics.frechet import feature_distance
from tasks.evaluate.metrics.kernel import kernel_distance
from tasks.evaluate.metrics.subsampling import frechet_interval, kernel_interval

SETS: Final = 1000
SIZES: Final = ((16, 16), (16, 8), (16, 4), (24, 24), (24, 12), (24, 7), (64, 64), (64, 16), (64, 7))
"""Clips and groups; the built-in corpus has 7 held-out objects."""
ALIKE: Final = (0.0, 0.3, 0.9)
RANGES: Final = ((0.5, 0.8), (0.8, 0.99))
KINDS: Final = ("spread", "near one")
AIM: Final = (0.92, 0.97)
_INDEPENDENT: Final = 1e-6


def _covers(bounds: Bounds, truth: float) -> bool:
    low, high = bounds
    return low is not None and high is not None and low <= truth <= high


def _owners(n: int, groups: int) -> np.ndarray:
    return np.arange(n) % groups


def share_coverage(
    n: int, groups: int, alike: float, *, shares: tuple[float, float], sets: int = SETS, seed: int = 0
) -> float:
    """Returns the share of sets whose interval of a share contains the true one; groups' shares are a beta's."""
    rng, owner, covered = np.random.default_rng([seed, n, groups, round(100 * alike)]), _owners(n, groups), 0
    spread = 1 / max(alike, _INDEPENDENT) - 1
    for _ in range(sets):
        truth = rng.uniform(*shares)
        expected = rng.beta(truth * spread, (1 - truth) * spread, groups)[owner]
        covered += _covers(share_interval(list((rng.random(n) < expected).astype(float)), list(owner)), truth)
    return covered / sets


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactCoverage:
    """The coverage of independent clips' shares in a range: its mean and limits, at how many shares it is within the
    aim, and at how many any set of outcomes in a row has such a probability."""

    mean: float
    lowest: float
    highest: float
    within: float
    possible: float


def exact_coverage(n: int, shares: tuple[float, float], steps: int = 1901) -> ExactCoverage:
    """Returns the coverage over all outcomes with their probabilities, so without chance."""
    bounds = [share_interval([1.0] * hits + [0.0] * (n - hits), range(n)) for hits in range(n + 1)]
    low_K, high_K = np.array(bounds, np.float64).T
    share_S1 = np.linspace(*shares, steps)[:, None]
    chance_SK = stats.binom.pmf(np.arange(n + 1), n, share_S1)
    covered_S = (chance_SK * ((low_K <= share_S1) & (share_S1 <= high_K))).sum(axis=1)
    below_SK = np.concatenate([np.zeros((steps, 1)), np.cumsum(chance_SK, axis=1)], axis=1)
    of_rows_SKK = below_SK[:, None, :] - below_SK[:, :, None]
    return ExactCoverage(
        mean=float(covered_S.mean()),
        lowest=float(covered_S.min()),
        highest=float(covered_S.max()),
        within=float(_within(covered_S).mean()),
        possible=float(_within(of_rows_SKK).any(axis=(1, 2)).mean()),
    )


def _within(coverage: np.ndarray) -> np.ndarray:
    return np.asarray((coverage >= AIM[0]) & (coverage <= AIM[1]))


def mean_coverage(kind: str, n: int, groups: int, alike: float, *, sets: int = SETS, seed: int = 0) -> float:
    """Returns the same of means of values from 0 to 1: `spread` around 0.7, or `near one`, 70 % of them exactly 1."""
    rng, owner, covered = np.random.default_rng([seed, n, groups, round(100 * alike)]), _owners(n, groups), 0
    truth = 0.7 if kind == "spread" else 0.85
    for number in range(sets):
        normal = np.sqrt(alike) * rng.normal(size=groups)[owner] + np.sqrt(1 - alike) * rng.normal(size=n)
        rank = stats.norm.cdf(normal)
        values = stats.beta.ppf(rank, 3.5, 1.5) if kind == "spread" else np.minimum(1.0, rank / 0.3)
        covered += _covers(mean_interval(list(values), list(owner), number, (0.0, 1.0)), truth)
    return covered / sets


def distance_coverage(n: int, groups: int, alike: float, *, sets: int, seed: int = 0, is_kernel: bool = False) -> float:
    """Returns the same of the FD, or KAD, of 8-d features at this n, whose truth is the mean over all sets."""
    rng, owner = np.random.default_rng([seed, n, groups, round(100 * alike)]), _owners(n, groups)
    reference = rng.normal(size=(500 if is_kernel else 5000, 8))
    distance, interval = (kernel_distance, kernel_interval) if is_kernel else (feature_distance, frechet_interval)
    made = [
        0.3 + np.sqrt(alike) * rng.normal(size=(groups, 8))[owner] + np.sqrt(1 - alike) * rng.normal(size=(n, 8))
        for _ in range(sets)
    ]
    truth = float(np.mean([distance(one, reference) for one in made]))
    bounds = [interval(one, reference, list(owner), seed=number) for number, one in enumerate(made)]
    return sum(_covers(one, truth) for one in bounds) / sets


def cells(sets: int) -> Iterator[tuple[str, int, int, float, Callable[[], float]]]:
    """Yields what is measured: name, clips, groups, correlation within groups, and the measurement."""
    for n, groups in SIZES:
        for alike in ALIKE if groups < n else ALIKE[:1]:
            for low, high in RANGES:
                yield (
                    f"share {low:g} to {high:g}", n, groups, alike,
                    lambda n=n, g=groups, a=alike, s=(low, high): share_coverage(n, g, a, shares=s, sets=sets),
                )  # fmt: skip
            for kind in KINDS:
                yield (
                    f"mean, {kind}", n, groups, alike,
                    lambda n=n, g=groups, a=alike, k=kind: mean_coverage(k, n, g, a, sets=sets),
                )  # fmt: skip
            if groups >= 8 and n > 16:
                for name, is_kernel in (("FD", False), ("KAD", True)):
                    yield (
                        name, n, groups, alike,
                        lambda n=n, g=groups, a=alike, k=is_kernel: distance_coverage(
                            n, g, a, sets=max(1, sets // 2), is_kernel=k
                        ),
                    )  # fmt: skip


def main(arguments: list[str]) -> int:
    """Prints one line per cell, and how many cells are inside, below and above the aim."""
    parser = argparse.ArgumentParser(prog="benchmarks.evaluation coverage", description=__doc__)
    parser.add_argument("--sets", type=int, default=SETS)
    parser.add_argument("--only", default="", help="cells whose name begins so")
    given = parser.parse_args(arguments)
    found: dict[str, list[float]] = {}
    print(f"{'95 % interval of':<22}{'clips':>6}{'groups':>7}{'alike':>7}{'coverage':>10}")
    for name, n, groups, alike, measured in cells(given.sets):
        if name.startswith(given.only):
            found.setdefault(name, []).append(value := measured())
            print(f"{name:<22}{n:>6}{groups:>7}{alike:>7.1f}{value:>10.1%}", flush=True)
    for name, values in found.items():
        below, above = sum(value < AIM[0] for value in values), sum(value > AIM[1] for value in values)
        print(
            f"{name}: mean {np.mean(values):.1%}, lowest {min(values):.1%}, highest {max(values):.1%}; "
            f"of {len(values)} cells {below} below {AIM[0]:.0%}, {above} above {AIM[1]:.0%}"
        )
    for n in sorted({n for n, _ in SIZES}) if "share".startswith(given.only[:5]) else ():
        for low, high in RANGES:
            exact = exact_coverage(n, (low, high))
            print(
                f"share {low:g} to {high:g} of {n} independent clips, exactly: mean {exact.mean:.1%}, "
                f"{exact.lowest:.1%} to {exact.highest:.1%}; within {AIM[0]:.0%} to {AIM[1]:.0%} at "
                f"{exact.within:.0%} of the shares, which {exact.possible:.0%} can be"
            )
    return 0
