"""Primary metrics: those that two systems are compared on, each once; others are refused with what is near."""

from __future__ import annotations

import pytest

from data_contracts import UsageError
from tasks.commands.evaluate.primary import primary_metrics


def test_metrics_of_clips_and_of_sets_are_taken_once_in_their_order() -> None:
    asked = ("FD-mn04", "labels-mn04, caption", "EventF1@50ms", "FD-mn04", "KAD_VGG", "unwanted speech-mn04")
    assert primary_metrics(asked) == (*asked[:3], *asked[4:])
    assert primary_metrics(()) == ()


@pytest.mark.parametrize(
    ("name", "near"),
    [("FD_VGGish", "FD_VGG"), ("level_dbfs", ""), ("IS-mn04", "KL-mn04"), ("FD-inf-mn04", "FD-mn04"), ("lufs", "")],
)
def test_what_is_not_compared_is_refused(name: str, near: str) -> None:
    """Levels have no better direction, and the other metrics of sets have no test."""
    with pytest.raises(UsageError, match=f"--primary {name}: is no metric that two systems are compared on") as raised:
        primary_metrics([name])
    assert near in str(raised.value)
