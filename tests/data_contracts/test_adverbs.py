"""The tables of the adverb vocabulary agree: every name that one uses is a row of another. SPEC A1, A3-A5."""

from __future__ import annotations

import pytest

from data_contracts import ContractError
from data_contracts.adverbs import (
    CHANGES,
    DEGREES,
    DIMENSION_OF,
    DIMENSIONS,
    LEVELS,
    MINED_SIDES,
    change_of,
    changes_for,
    degree_of,
    opposites,
)


def test_a_side_belongs_to_one_dimension() -> None:
    sides = [side for dimension in DIMENSIONS.values() for side in (*dimension.sides, dimension.middle) if side]
    assert sorted(sides) == sorted(DIMENSION_OF)
    assert len(set(sides)) == len(sides)


@pytest.mark.parametrize("side", DIMENSION_OF)
def test_opposites_are_mutual_and_of_one_dimension(side: str) -> None:
    assert opposites(side)
    for other in opposites(side):
        assert side in opposites(other)
        assert DIMENSION_OF[other] == DIMENSION_OF[side]
    assert side not in opposites(side)


def test_a_level_says_a_side_of_its_dimension_and_no_two_say_the_same() -> None:
    assert all(DIMENSION_OF[level.side] == level.dimension for level in LEVELS.values())
    assert len({(level.side, level.strong) for level in LEVELS.values()}) == len(LEVELS)
    assert all(level.description for level in LEVELS.values())
    assert len({level.title for level in LEVELS.values()}) == len(LEVELS)
    assert not any("_" in level.title for level in LEVELS.values())


def test_every_level_is_made_from_a_mined_side_and_every_change_makes_a_level() -> None:
    assert {change.level for change in CHANGES} == set(LEVELS)
    assert {change.side for change in CHANGES} <= set(MINED_SIDES)


def test_audio_kept_as_it_is_keeps_its_side() -> None:
    kept = [change for change in CHANGES if change.operation == "original"]
    assert kept
    assert all(LEVELS[change.level].side == change.side for change in kept)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_found_by_its_side_and_level(change) -> None:
    assert change_of(change.side, change.level) is change
    assert change in changes_for(change.side)


def test_sides_that_are_not_changed_have_no_changes() -> None:
    for side in set(DIMENSION_OF) - {change.side for change in CHANGES}:
        assert changes_for(side) == ()
    with pytest.raises(KeyError):
        change_of("quiet", "far")


@pytest.mark.parametrize("degree", DEGREES)
def test_a_degree_is_read_from_the_recipe_of_a_row(degree: str) -> None:
    assert degree_of(f'{{"degree":"{degree}","factor":1.3}}') == degree


def test_a_recipe_without_a_degree_is_plain_and_an_unknown_one_is_refused() -> None:
    assert degree_of('{"factor":1.3}') == degree_of("{}") == "plain"
    with pytest.raises(ContractError, match=r"degree 'huge'; .* slight, plain, strong"):
        degree_of('{"degree":"huge"}')
