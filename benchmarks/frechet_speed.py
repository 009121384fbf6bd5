"""Fréchet distance of 15,000 x 2048 features: ours, and av-benchmark's definition with SciPy's matrix root.

Both in this process with the same two threads, statistics included. Memory is the process's peak above what it had
before the call, so above the features.

Legend: N rows, D width.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import linalg
from scipy.linalg import blas
from threadpoolctl import threadpool_limits

from tasks.evaluate.metrics.frechet import feature_distance

_PAGE = 4096


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a call returned and took."""

    value: float
    wall_s: float
    cpu_s: float
    peak_bytes: int


def features(rows: int, width: int, seed: int, shift: float) -> np.ndarray:
    """Returns (N, D) float32: a ReLU of correlated Gaussians, as a network's features are."""
    mixing_DD = np.random.default_rng(width).standard_normal((width, width), np.float32) / np.float32(np.sqrt(width))
    rng = np.random.default_rng(seed)
    made_ND = np.empty((rows, width), np.float32)
    for start in range(0, rows, 1000):
        part_ND = made_ND[start : start + 1000]
        part_ND[:] = np.maximum(rng.standard_normal(part_ND.shape, np.float32) @ mixing_DD + np.float32(shift), 0)
    return made_ND


def with_matrix_root(generated_ND: np.ndarray, reference_ND: np.ndarray) -> float:
    """Returns the distance as av-benchmark defines it."""
    shift = generated_ND.mean(axis=0) - reference_ND.mean(axis=0)
    first, second = np.cov(generated_ND, rowvar=False), np.cov(reference_ND, rowvar=False)
    root = linalg.sqrtm(first @ second)
    return float(shift @ shift + np.trace(first) + np.trace(second) - 2 * np.trace(root).real)


def scatters(generated_ND: np.ndarray, reference_ND: np.ndarray) -> float:
    """Computes X'X of two float64 sets by BLAS: the least that an FD of float64 moments takes. Returns their trace."""
    first, second = (blas.dsyrk(1.0, rows.T) for rows in (generated_ND, reference_ND))
    return float(np.trace(first) + np.trace(second))


def cost(call: Callable[[], float]) -> Cost:
    """Measures one call. The peak is that of the resident memory, read every 2 ms."""
    before, peak, done = _resident(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            peak[0] = max(peak[0], _resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        value = call()
    finally:
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        done.set()
        watcher.join()
    return Cost(value=value, wall_s=wall, cpu_s=cpu, peak_bytes=max(0, peak[0] - before))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE


def _line(name: str, one: Cost) -> str:
    return (
        f"{name:<20} FD {one.value:.8f}  {one.wall_s:7.2f} s  {one.cpu_s:7.2f} CPU s  "
        f"peak {one.peak_bytes / 1e9:.2f} GB above the features"
    )


def main(arguments: list[str]) -> int:
    """Prints both costs, the ratio and the relative difference."""
    parser = argparse.ArgumentParser(prog="benchmarks.evaluation fd", description=__doc__)
    parser.add_argument("--rows", type=int, default=15_000)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3, help="of ours; the fastest counts")
    given = parser.parse_args(arguments)
    with threadpool_limits(given.threads):
        generated_ND, reference_ND = (features(given.rows, given.width, seed, 0.1 * seed) for seed in (1, 2))
        feature_distance(generated_ND[: 4 * given.width], reference_ND[: 4 * given.width])  # starts the threads
        ours = min(
            (cost(lambda: feature_distance(generated_ND, reference_ND)) for _ in range(given.repeat)),
            key=lambda one: one.wall_s,
        )
        print(f"{given.rows:,} x {given.width} against as many, {given.threads} threads, statistics included")
        print(_line("ours", ours), flush=True)
        doubles = [rows.astype(np.float64) for rows in (generated_ND, reference_ND)]
        least = min((cost(lambda: scatters(*doubles)) for _ in range(given.repeat)), key=lambda one: one.wall_s)
        print(f"{'both products alone':<20} {'':>14}  {least.wall_s:7.2f} s  {least.cpu_s:7.2f} CPU s", flush=True)
        theirs = cost(lambda: with_matrix_root(generated_ND, reference_ND))
        print(_line("scipy.linalg.sqrtm", theirs))
    print(
        f"ratio {theirs.wall_s / ours.wall_s:.1f} (CPU {theirs.cpu_s / ours.cpu_s:.1f}), "
        f"relative difference {abs(ours.value / theirs.value - 1):.1e}"
    )
    return 0
