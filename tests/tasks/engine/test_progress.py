"""One callback type: whatever shows progress takes units done, units in all, and a note. A log gets lines."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from flows.progress import bar
from tasks.engine import progress
from tasks.engine.progress import LINE_EVERY_S, OnProgress, ProgressLines, silent


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_every_callback_takes_the_same_three_values_in_any_order_of_progress(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines: list[str] = []
    with bar("train", "steps") as terminal:
        callbacks: list[OnProgress] = [silent, terminal, ProgressLines(lines.append, "train", "steps", every_s=0)]
        for done, total, note in ((0, 0, ""), (1, 3, "loss 2.1"), (3, 3, "")):
            for callback in callbacks:
                callback(done, total, note)
    (line,) = lines
    assert line.startswith("train: 1 of 3 steps, loss 2.1, ")
    assert capsys.readouterr().out == ""  # progress never mixes with a command's output


def test_a_log_gets_one_line_every_30_seconds_with_speed_and_time_left() -> None:
    lines: list[str] = []
    clock = Clock()
    show = ProgressLines(lines.append, "train", "steps", clock=clock)
    for second in range(1, 100):
        clock.now_s = second
        show(40 + 2 * second, 400, "loss 2.101")
    assert lines == [
        "train: 100 of 400 steps, loss 2.101, 2 steps/s, 2.5 min left",
        "train: 160 of 400 steps, loss 2.101, 2 steps/s, 2 min left",
        "train: 220 of 400 steps, loss 2.101, 2 steps/s, 1.5 min left",
    ], "what an earlier run had done (40 steps) does not count as speed"
    assert LINE_EVERY_S == 30.0


def test_a_stage_that_is_stuck_still_says_so_and_the_end_has_no_line() -> None:
    lines: list[str] = []
    clock = Clock()
    show = ProgressLines(lines.append, "generate", "items", clock=clock)
    for clock.now_s in (0.0, 31.0, 62.0):
        show(0, 10, "")
    clock.now_s = 900.0
    show(1, 10, "")
    clock.now_s = 1000.0
    show(10, 10, "")
    assert lines == [
        "generate: 0 of 10 items",
        "generate: 0 of 10 items",
        "generate: 1 of 10 items, 900 s per item, 2.25 h left",
    ]


def test_a_log_that_is_no_terminal_gets_lines_on_stderr(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=clock))
    with bar("mine", "items") as show:
        show(0, 8, "")
        clock.now_s = 30.0
        show(6, 8, "")
    assert capsys.readouterr().err == "mine: 6 of 8 items, 5 s per item, 10 s left\n"
