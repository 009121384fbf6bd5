"""What each stage of a run took: CPU seconds of this process and the programs it started, and seconds by the clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from tasks.engine.cpu_time import cpu_seconds

POOL: Final = "pool"
"""Key of a stage's result: the work pool that it ran on, where it did."""


def with_costs(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Returns a stage's result with what it took: `cpu_s` and `wall_s`. Prefect's server is not counted."""
    started, used = time.perf_counter(), cpu_seconds()
    result = run()
    return {**result, "cpu_s": cpu_seconds() - used, "wall_s": time.perf_counter() - started}


def cost_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns one line per stage that had work and their sum; empty when none had.

    The CPU seconds of a stage that ran on a work pool (`POOL`) are another process's: not known here.
    """
    worked = {stage: result for stage, result in results.items() if result["new"]}
    if not worked:
        return ""
    rows = [(stage, "-" if POOL in one else f"{one['cpu_s']:.0f}", one["wall_s"]) for stage, one in worked.items()]
    here = sum(one["cpu_s"] for one in worked.values() if POOL not in one)
    rows.append(("together", f"{here:.0f}", sum(one["wall_s"] for one in worked.values())))
    lines = [f"{stage:<12}{cpu_s:>8}{wall_s:>10.0f}" for stage, cpu_s, wall_s in rows]
    pools = sorted({one[POOL] for one in worked.values() if POOL in one})
    note = [f"-: by a worker of pool {pool}, whose CPU seconds are not counted" for pool in pools]
    return "\n".join([f"{'stage':<12}{'CPU s':>8}{'seconds':>10}", *lines, *note])
