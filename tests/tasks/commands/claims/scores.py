"""Clip scores made up for tests: a value per seed, variant and clip."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from data_contracts import ClipScore
from tests.tasks.rows import clip_score_row

GROUPS = {f"clip-{number}": f"object-{number // 2}" for number in range(12)}


def made_up(
    seeds: Sequence[int],
    variants: Sequence[str],
    cells: Sequence[tuple[str, str]],
    value: Callable[[int, str, str, str, str], float],
) -> dict[int, dict[str, list[ClipScore]]]:
    """`cells`: tasks with metrics; `value` is called with seed, variant, task, metric and clip."""
    return {
        seed: {
            name: [clip_score_row(clip, value(seed, name, *cell, clip), *cell) for cell in cells for clip in GROUPS]
            for name in variants
        }
        for seed in seeds
    }
