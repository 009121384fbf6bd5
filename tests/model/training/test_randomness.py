"""Generators of training: one per seed, purpose and number, the same in every process."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from model.training.randomness import generator_for

SEEDS = st.integers(0, 2**62)


def draw(seed: int, purpose: str, number: int) -> list[float]:
    return torch.rand(4, generator=generator_for(seed, purpose, number)).tolist()


@given(seed=SEEDS, number=st.integers(-5, 10**9))
def test_equal_arguments_give_equal_numbers_whatever_was_drawn_before(seed: int, number: int) -> None:
    first = draw(seed, "step", number)
    torch.manual_seed(1)
    torch.rand(7)
    assert draw(seed, "step", number) == first


@given(seed=SEEDS, number=st.integers(0, 10**6))
def test_other_arguments_give_other_numbers(seed: int, number: int) -> None:
    first = draw(seed, "step", number)
    assert first != draw(seed + 1, "step", number)
    assert first != draw(seed, "validation", number)
    assert first != draw(seed, "step", number + 1)


def test_no_two_steps_share_a_seed() -> None:
    seeds = {generator_for(3, purpose, number).initial_seed() for purpose in ("a", "b") for number in range(500)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_torchs_global_state_is_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    torch.rand(10, generator=generator_for(1, "step", 2))
    assert torch.equal(torch.rand(3), expected)
