"""Paired tests by group keep their level, find differences, and Holm's decisions agree with its definition."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts.errors import ContractError
from tasks.evaluate.metrics.frechet import feature_distance
from tasks.evaluate.significance import LEVEL, holm, sign_flip_test, spread, swap_test

P_VALUES = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.floats(0, 1), min_size=1, max_size=8)


def test_with_few_groups_the_p_value_is_the_share_of_all_signs() -> None:
    differences, groups = [0.5, 0.3, -0.1, 0.7, 0.2], ["a", "a", "b", "c", "d"]
    totals = [0.8, -0.1, 0.7, 0.2]
    found = sum(totals)
    sums = [
        abs(sum(s * t for s, t in zip(signs, totals, strict=True))) for signs in itertools.product((-1, 1), repeat=4)
    ]
    test = sign_flip_test(differences, groups, seed=0)
    assert test.p_value == pytest.approx(np.mean([one >= found - 1e-12 for one in sums]))
    assert (test.difference, test.n, test.n_groups) == (pytest.approx(0.32), 5, 4)


def test_drawn_signs_agree_with_all_signs() -> None:
    values = np.random.default_rng(1).normal(0.4, 1, 14)
    exact = sign_flip_test(list(values), range(14), seed=0).p_value
    padded = sign_flip_test([*values, 0.0, 0.0], range(16), seed=0)  # 16 groups, of which two differ in nothing
    assert padded.p_value == pytest.approx(exact, abs=0.02)


def test_copies_of_clips_in_a_group_do_not_make_a_difference_surer() -> None:
    values = list(np.random.default_rng(2).normal(0.5, 1, 10))
    once = sign_flip_test(values, range(10), seed=0)
    copied = sign_flip_test(values * 7, list(range(10)) * 7, seed=0)
    assert copied.p_value == once.p_value
    assert sign_flip_test(values * 7, range(70), seed=0).p_value < 0.5 * once.p_value


@pytest.mark.parametrize(("clips", "groups"), [(24, 7), (64, 20)])
def test_without_a_difference_one_in_twenty_is_significant(clips: int, groups: int) -> None:
    rng, owner = np.random.default_rng(3), np.arange(clips) % groups
    p_values = []
    for seed in range(200):
        of_group = rng.standard_t(3, groups)
        p_values.append(sign_flip_test(list(of_group[owner] + rng.normal(size=clips)), list(owner), seed=seed).p_value)
    assert np.mean(np.array(p_values) < 0.05) <= 0.09
    assert 0.35 < np.mean(np.array(p_values) < 0.5) < 0.65


def test_a_clear_difference_is_found_and_a_reversed_one_too() -> None:
    values = list(np.random.default_rng(4).normal(1.0, 0.5, 30))
    for sign in (1, -1):
        test = sign_flip_test([sign * value for value in values], range(30), seed=1)
        assert test.p_value < 0.001 and np.sign(test.difference) == sign


def test_equal_systems_have_p_one_and_the_smallest_p_is_that_of_all_signs() -> None:
    assert sign_flip_test([0.0] * 20, range(20), seed=0).p_value == 1.0
    assert sign_flip_test([0.1] * 6, range(6), seed=0).p_value == 2 / 2**6
    assert sign_flip_test([3.0], ["one"], seed=0).p_value == 1.0


def test_paired_tests_refuse_what_they_cannot_use() -> None:
    with pytest.raises(ContractError, match="differences must be finite, of one clip at least"):
        sign_flip_test([], [], seed=0)
    with pytest.raises(ContractError, match="differences must be finite"):
        sign_flip_test([1.0, math.nan], "ab", seed=0)
    with pytest.raises(ContractError, match="1 groups for 2 rows"):
        sign_flip_test([1.0, 2.0], "a", seed=0)
    with pytest.raises(ContractError, match="expected the same clips"):
        swap_test(feature_distance, np.ones((3, 2)), np.ones((4, 2)), np.ones((5, 2)), "abc", seed=0)
    with pytest.raises(ContractError, match="one at least"):
        swap_test(feature_distance, np.ones((0, 2)), np.ones((0, 2)), np.ones((5, 2)), "", seed=0)


def test_systems_of_one_distribution_do_not_differ_in_fd_and_a_shifted_one_does() -> None:
    rng = np.random.default_rng(5)
    reference = rng.normal(size=(100, 4))
    p_values = []
    for seed in range(40):
        one, other = rng.normal(size=(2, 24, 4))
        p_values.append(swap_test(feature_distance, one, other, reference, range(24), seed=seed, draws=39).p_value)
    assert np.mean(np.array(p_values) <= 0.05) <= 0.15
    worse = swap_test(feature_distance, one + 0.8, other, reference, range(24), seed=0, draws=99)
    assert worse.p_value == 0.01 and worse.difference > 0
    better = swap_test(feature_distance, other, one + 0.8, reference, range(24), seed=0, draws=99)
    assert better.p_value == 0.01 and better.difference == -worse.difference


def test_a_group_is_exchanged_whole() -> None:
    first, second, groups = np.zeros((6, 1)), np.ones((6, 1)), list("aabbcc")
    seen: set[tuple[float, ...]] = set()

    def note(rows: np.ndarray, _: np.ndarray) -> float:
        seen.add(tuple(rows[:, 0]))
        return float(rows.mean())

    tests = [swap_test(note, first, second, first, groups, seed=seed) for seed in range(20)]
    assert seen == {tuple(np.repeat(bits, 2)) for bits in itertools.product((0.0, 1.0), repeat=3)}
    assert {(test.difference, test.n_groups, test.least_p) for test in tests} == {(-1.0, 3, 2 / 8)}
    assert {test.p_value for test in tests} == {2 / 8}  # of all exchanges, not of drawn ones


@pytest.mark.parametrize("count", [1, 5, 8, 9])
def test_few_groups_have_the_exact_p_value_and_none_has_one_below_the_smallest(count: int) -> None:
    rng = np.random.default_rng(7)
    one, other, reference = rng.normal(size=(3, 18, 3)) * np.array([1, 1.6, 1])[:, None, None]
    groups = [place % count for place in range(18)]

    def difference(swapped: np.ndarray) -> float:
        rows = swapped[groups][:, None]
        return feature_distance(np.where(rows, other, one), reference) - feature_distance(
            np.where(rows, one, other), reference
        )

    found = abs(difference(np.zeros(count, bool)))
    exact = np.mean(
        [abs(difference(np.array(s))) >= found - 1e-9 for s in itertools.product((False, True), repeat=count)]
    )
    tests = [swap_test(feature_distance, one, other, reference, groups, seed=seed) for seed in range(3)]
    assert all(test.p_value >= test.least_p >= 2 / 2**count for test in tests)
    if count <= 8:
        assert all(test.p_value == pytest.approx(exact) for test in tests)
    else:
        assert tests[0].p_value == pytest.approx(exact, abs=0.1)


def test_a_test_that_shows_nothing_ends_early_with_nearly_the_same_p_value() -> None:
    rng = np.random.default_rng(6)
    one, other, reference = rng.normal(size=(3, 30, 2))
    calls: list[int] = []

    def distance(rows: np.ndarray, against: np.ndarray) -> float:
        calls.append(1)
        return float(abs(rows.mean() - against.mean()))

    for shift, is_early in ((0.0, True), (2.0, False)):
        calls.clear()
        test = swap_test(distance, one + shift, other, reference, range(30), seed=0, draws=400)
        assert (len(calls) < 2 * 400) == is_early
        assert test.least_p == 1 / 401 and (test.p_value >= 0.05) == is_early
        signs = np.random.default_rng(1).integers(0, 2, (2000, 30))
        of_draws = [
            abs(
                distance(np.where(sign[:, None] > 0, one + shift, other), reference)
                - distance(np.where(sign[:, None] > 0, other, one + shift), reference)
            )
            for sign in signs
        ]
        assert test.p_value == pytest.approx(np.mean(np.array(of_draws) >= abs(test.difference)), abs=0.15)


def test_the_smallest_p_of_few_groups_is_said() -> None:
    assert sign_flip_test([0.1] * 6, range(6), seed=0).least_p == 2 / 2**6
    assert sign_flip_test([0.1], ["a"], seed=0).least_p == 1
    assert sign_flip_test([0.1] * 20, range(20), seed=0).least_p == 1 / 10_001


def test_the_spread_over_seeds_is_the_sample_deviation() -> None:
    found = spread([1.0, 2.0, 4.0])
    assert (found.mean, found.lowest, found.highest, found.seeds) == (pytest.approx(7 / 3), 1.0, 4.0, 3)
    assert found.deviation == pytest.approx(np.std([1, 2, 4], ddof=1))
    assert spread([2.0]).deviation is None
    for values in ([], [1.0, math.inf]):
        with pytest.raises(ContractError, match="spread over seeds: values must be finite"):
            spread(values)


def plain_holm(p_values: dict[str, float], family: int) -> set[str]:
    """Holm (1979) as written: rejects in the order of the p-values until one is too large."""
    rejected: set[str] = set()
    for rank, name in enumerate(sorted(p_values, key=lambda name: (p_values[name], name))):
        if not p_values[name] < LEVEL / (family - rank):
            break
        rejected.add(name)
    return rejected


@settings(deadline=None)
@given(P_VALUES, st.integers(0, 5))
def test_holms_decisions_are_those_of_its_definition_and_the_confidences_agree(p_values, missing) -> None:
    family = len(p_values) + missing
    decisions = holm(p_values, family)
    assert {name for name, decision in decisions.items() if decision.p_holm < LEVEL} == plain_holm(p_values, family)
    for name, decision in decisions.items():
        assert p_values[name] <= decision.p_holm <= 1
        if not math.isclose(p_values[name], 1 - decision.confidence):  # at the limit itself, rounding decides
            assert (p_values[name] < 1 - decision.confidence) == (decision.p_holm < LEVEL)
        assert 1 - LEVEL / 1 <= decision.confidence <= 1 - LEVEL / family


def test_one_claim_alone_is_not_adjusted() -> None:
    assert holm({"a": 0.03}, 1)["a"].p_holm == pytest.approx(0.03)
    assert holm({"a": 0.03}, 1)["a"].confidence == pytest.approx(0.95)
    assert holm({}, 3) == {}
