"""Halves of the reference share no group and bound what a system can reach; shuffled pairs are of other groups."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from data_contracts.errors import ContractError
from tasks.evaluate import baselines
from tasks.evaluate.metrics.checks import UndefinedMetricError
from tasks.evaluate.metrics.frechet import feature_distance
from tasks.evaluate.metrics.set_baselines import at_half, baseline_sounds, other_half, shuffled_order


def test_halves_are_of_different_groups_and_cover_everything() -> None:
    groups = [f"g{n % 11}" for n in range(60)]
    seen: list[tuple[set[int], set[int]]] = []

    def note(first: np.ndarray, second: np.ndarray) -> float:
        seen.append(({int(n) for n in first[:, 0]}, {int(n) for n in second[:, 0]}))
        return 1.5

    numbered = np.arange(60.0)[:, None]
    found = other_half(note, numbered, groups, seed=3)
    (first, second) = seen[0]
    assert first | second == set(range(60)) and not {groups[n] for n in first} & {groups[n] for n in second}
    assert len({groups[n] for n in first}) == 5
    assert (found.value, found.n, found.n_reference) == (1.5, len(first), len(second))
    system = at_half(note, numbered, numbered, groups, seed=3)
    assert seen[1] == seen[0] and (system.n, system.n_reference) == (found.n, found.n_reference)
    other_half(note, numbered, groups, seed=4)
    assert seen[2] != seen[0]


def test_the_other_half_is_better_than_any_system_at_the_same_numbers() -> None:
    rng = np.random.default_rng(1)
    reference = rng.normal(size=(200, 8))
    ceiling = other_half(feature_distance, reference, range(200), seed=1)
    system = at_half(feature_distance, reference + 0.3, reference, range(200), seed=1)
    assert 0 < ceiling.value < system.value and ceiling.n == system.n == 100


def test_a_shuffled_clip_is_another_groups_and_each_is_used_once() -> None:
    groups = list("aaabbbccdd")
    for seed in range(20):
        order = shuffled_order(groups, seed)
        assert sorted(order) == list(range(10))
        assert all(groups[n] != groups[other] for n, other in enumerate(order))
    assert len({tuple(shuffled_order(groups, seed)) for seed in range(20)}) > 10


def test_a_group_of_more_than_half_is_shuffled_as_far_as_it_can_be() -> None:
    groups = list("aaaaab")
    order = shuffled_order(groups, 0)
    assert sorted(order) == list(range(6))
    assert Counter(groups[n] != groups[other] for n, other in enumerate(order))[True] == 2


def test_baseline_sounds_are_as_long_as_the_truth() -> None:
    truths = [np.full(length, n + 1.0, np.float32) for n, length in enumerate((5, 8, 3))]
    sounds = baseline_sounds(truths, "abc", seed=2)
    assert set(sounds) == {baselines.SHUFFLED, baselines.NOISE, baselines.SILENCE}
    for name, made in sounds.items():
        assert [len(one) for one in made] == [5, 8, 3], name
    for n, shuffled in enumerate(sounds[baselines.SHUFFLED]):
        assert set(shuffled) <= {0.0, 1.0, 2.0, 3.0} - {n + 1.0} and shuffled[0] > 0
    assert not any(one.any() for one in sounds[baselines.SILENCE])
    again = baseline_sounds(truths, "abc", seed=2)
    assert all(np.array_equal(a, b) for name in sounds for a, b in zip(sounds[name], again[name], strict=True))


def test_each_refusal_says_why() -> None:
    one = np.ones((3, 2))
    with pytest.raises(UndefinedMetricError, match="half of the reference: needs at least 2 groups, got 1"):
        other_half(feature_distance, one, "aaa", seed=0)
    with pytest.raises(UndefinedMetricError, match="shuffled pairing: needs at least 2 groups, got 0"):
        shuffled_order([], 0)
    with pytest.raises(ContractError, match="2 entries for 3 rows"):
        at_half(feature_distance, one[:2], one, "abc", seed=0)
