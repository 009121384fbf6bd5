"""One callback type: whatever shows progress takes units done, units in all, and a note."""

from __future__ import annotations

import pytest

from flows.artifacts import log_progress
from flows.progress import bar
from tasks.engine.progress import OnProgress, silent


def test_every_callback_takes_the_same_three_values_in_any_order_of_progress(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines: list[str] = []
    with bar("train", "steps") as terminal:
        callbacks: list[OnProgress] = [silent, terminal, log_progress(lines.append, "train", "steps", every_s=0)]
        for done, total, note in ((0, 0, ""), (1, 3, "loss 2.1"), (3, 3, "")):
            for callback in callbacks:
                callback(done, total, note)
    assert lines == ["train: 1 of 3 steps, loss 2.1"]
    assert capsys.readouterr().out == ""  # progress never mixes with a command's output
