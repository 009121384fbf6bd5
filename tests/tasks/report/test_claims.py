"""The claims of the score section: one line each, with the words and numbers of its deciding row."""

from __future__ import annotations

from typing import Any

from data_contracts import ClaimResult
from tasks.report.claims import build_claims


def claim_row(verdict: str, delta: float, **changes: Any) -> ClaimResult:
    values: dict[str, Any] = {
        "item_id": "masking/EventF1@50ms", "claim": "masking", "statement": "Masking helps", "source": "table 7",
        "task": "ac-vta", "metric": "EventF1@50ms", "decides": True, "better": "full", "worse": "m-3",
        "better_value": 0.5 + delta, "worse_value": 0.5, "delta": delta, "low": delta - 0.05, "high": delta + 0.05,
        "confidence": 0.99, "p_value": 0.01, "p_holm": 0.02, "verdict": verdict, "n_clips": 28, "n_groups": 7,
        "seeds": (1, 2, 3), "steps": 300, "backend": "x",
    }  # fmt: skip
    return ClaimResult(**(values | changes))


def test_a_claim_has_its_verdict_difference_interval_and_count() -> None:
    (line,) = build_claims([claim_row("shown", 0.1), claim_row("", 0.2, decides=False)])
    assert (line.verdict, line.mark, line.delta, line.interval) == ("shown", "met", "+0.100", "+0.050 to +0.150")
    assert (
        line.tested.startswith("events on time, within 50 ms in ")
        and line.tested.endswith(": full minus m-3")
        and line.count == "28 clips, 7 objects, 3 seeds"
    )


def test_the_mark_is_that_of_the_verdict_and_no_interval_is_no_text() -> None:
    found = build_claims([claim_row("contradicted", -0.1), claim_row("not shown", 0.0, low=None, high=None)])
    assert [line.mark for line in found] == ["missed", "muted"] and found[1].interval == ""


def test_without_claims_there_are_no_lines_and_an_unknown_task_keeps_its_name() -> None:
    assert build_claims([]) == []
    assert build_claims([claim_row("shown", 0.1, task="new")])[0].tested.endswith(" in new: full minus m-3")
