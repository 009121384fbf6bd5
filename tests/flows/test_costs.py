"""The table of what each stage took."""

from __future__ import annotations

import time

from flows.costs import POOL, cost_table, with_costs


def test_waiting_costs_time_but_no_processor() -> None:
    def stage() -> dict[str, int]:
        time.sleep(0.3)
        return {"new": 2}

    result = with_costs(stage)
    assert result["new"] == 2
    assert result["wall_s"] >= 0.3
    assert 0 <= result["cpu_s"] < 0.3


def test_the_table_has_the_stages_that_had_work_and_their_sum() -> None:
    results = {
        "ingest": {"new": 3, "cpu_s": 30.4, "wall_s": 20.0},
        "mine": {"new": 0, "cpu_s": 0.1, "wall_s": 0.1},
        "train": {"new": 1, "cpu_s": 200.0, "wall_s": 150.2},
    }
    lines = [line.split() for line in cost_table(results).splitlines()]
    assert lines == [
        ["stage", "CPU", "s", "seconds"], ["ingest", "30", "20"], ["train", "200", "150"], ["together", "230", "170"],
    ]  # fmt: skip


def test_cpu_seconds_of_a_worker_are_not_known() -> None:
    results = {
        "ingest": {"new": 3, "cpu_s": 30.4, "wall_s": 20.0},
        "train": {"new": 1, "cpu_s": 0.4, "wall_s": 150.2, POOL: "gpu"},
        "score": {"new": 1, "cpu_s": 0.4, "wall_s": 1.0, POOL: "gpu"},
    }
    lines = cost_table(results).splitlines()
    assert [line.split() for line in lines[2:5]] == [
        ["train", "-", "150"],
        ["score", "-", "1"],
        ["together", "30", "171"],
    ]
    assert lines[5:] == ["-: by a worker of pool gpu, whose CPU seconds are not counted"]


def test_a_run_without_work_has_no_table() -> None:
    assert cost_table({"mine": {"new": 0, "cpu_s": 0.1, "wall_s": 0.1}}) == ""
