"""Silence: nothing, a constant, or less than -80 dBFS around it."""

from __future__ import annotations

import pytest
import torch

from model.judges.silence import SILENT_PEAK, is_silent


@pytest.mark.parametrize(
    ("sound", "silent"),
    [
        (torch.zeros(100), True),
        (torch.full((100,), 0.5), True),
        (torch.tensor([1.0, -1.0] * 50) * SILENT_PEAK * 0.99, True),
        (torch.tensor([1.0, -1.0] * 50) * SILENT_PEAK * 1.01, False),
        (0.5 + torch.tensor([1.0, -1.0] * 50) * 0.001, False),
        (torch.eye(100)[3], False),
    ],
)
def test_a_sound_is_silent_unless_it_moves(sound: torch.Tensor, silent: bool) -> None:
    assert is_silent(sound) is silent
