"""What judges are given: mono float32 sounds with a seed each, frames of the right size, neither too short."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from data_contracts import ContractError, ItemError
from model.judges.checks import check_sounds, check_video
from model.judges.protocols import JudgeSpec

SPEC = JudgeSpec(
    name="someone",
    weights_sha256="0" * 64,
    embedded=False,
    kinds=frozenset({"audio", "video"}),
    licence="MIT",
    is_commercial=True,
    rate_hz=16_000,
    fps=25.0,
)


def test_good_sounds_pass_and_none_are_good_too() -> None:
    check_sounds(SPEC, [torch.zeros(400), torch.ones(500)], [0, 1], least=400)
    check_sounds(SPEC, [], [], least=400)


@pytest.mark.parametrize(
    ("sound", "words"),
    [
        (torch.zeros(2, 400), r"sound 2 of 2 is \(2, 400\) torch.float32; expected \(samples\) float32, mono"),
        (torch.zeros(400, dtype=torch.float64), r"is \(400,\) torch.float64"),
        (torch.zeros(400, dtype=torch.int16), r"is \(400,\) torch.int16"),
        (torch.full((400,), torch.nan), "not finite; check the file"),
        (torch.full((400,), torch.inf), "not finite"),
    ],
)
def test_sounds_of_another_form_are_refused_by_number(sound: torch.Tensor, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        check_sounds(SPEC, [torch.zeros(400), sound], [0, 1], least=400)


def test_a_sound_that_is_too_short_is_an_item_error_with_its_length() -> None:
    with pytest.raises(
        ItemError, match=r"someone: sound 1 of 1 has 399 samples; it needs at least 400 \(0.025 s\)"
    ) as caught:
        check_sounds(SPEC, [torch.zeros(399)], [0], least=400)
    assert caught.value.reason == "too_short"


def test_each_sound_needs_its_seed() -> None:
    with pytest.raises(ContractError, match="got 1 seed for 2 sounds"):
        check_sounds(SPEC, [torch.zeros(400)] * 2, [0], least=1)


def frames(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.uint8)


def test_square_frames_and_frames_of_any_width() -> None:
    check_video(SPEC, frames(2, 24, 24, 3), 24, least=2)
    check_video(SPEC, frames(2, 24, 40, 3), 24, least=2, square=False)
    check_video(SPEC, frames(2, 40, 24, 3), 24, least=2, square=False)


@pytest.mark.parametrize(
    ("given", "square"),
    [
        (frames(2, 24, 40, 3), True),
        (frames(2, 25, 40, 3), False),
        (frames(2, 24, 24, 4), True),
        (frames(24, 24, 3), True),
        (frames(2, 24, 24, 3).astype(np.float32), False),
    ],
)
def test_frames_of_another_form_are_refused(given: np.ndarray, square: bool) -> None:
    with pytest.raises(ContractError, match=r"judge someone: got frames .* expected \(n, .*uint8"):
        check_video(SPEC, given, 24, least=2, square=square)


def test_a_video_that_is_too_short_is_an_item_error() -> None:
    with pytest.raises(ItemError, match="got 1 frame at 25 per second; it needs at least 2") as caught:
        check_video(SPEC, frames(1, 24, 24, 3), 24, least=2)
    assert caught.value.reason == "too_short"
    with pytest.raises(ItemError, match="got 0 frames"):
        check_video(SPEC, frames(0, 24, 24, 3), 24, least=2)


def test_a_judge_of_other_things_says_what_it_takes() -> None:
    with pytest.raises(ContractError, match="takes video, not audio"):
        check_sounds(replace(SPEC, kinds=frozenset({"video"})), [], [], least=1)
    with pytest.raises(ContractError, match="takes audio, not video"):
        check_video(replace(SPEC, kinds=frozenset({"audio"})), frames(2, 24, 24, 3), 24, least=1)
