"""What each stage of a run took: CPU seconds of this process and the programs it started, and seconds by the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from tasks.engine.cpu_time import cpu_seconds


def with_costs(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Returns a stage's result with what it took: `cpu_s` and `wall_s`. Prefect's server is not counted."""
    started, used = time.perf_counter(), cpu_seconds()
    result = run()
    return {**result, "cpu_s": cpu_seconds() - used, "wall_s": time.perf_counter() - started}


def cost_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns one line per stage that had work and their sum; empty when none had."""
    rows = [(stage, result["cpu_s"], result["wall_s"]) for stage, result in results.items() if result["new"]]
    if not rows:
        return ""
    rows.append(("together", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    lines = [f"{stage:<12}{cpu_s:>8.0f}{wall_s:>10.0f}" for stage, cpu_s, wall_s in rows]
    return "\n".join([f"{'stage':<12}{'CPU s':>8}{'seconds':>10}", *lines])
