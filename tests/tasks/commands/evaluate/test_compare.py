"""Two systems compared: each test keeps its own names."""

from __future__ import annotations

from types import SimpleNamespace

from tasks.commands.evaluate.compare import Comparer
from tasks.commands.evaluate.measured import Measured
from tasks.evaluate.significance import LEVEL

PLACES = range(12)


def test_tests_of_systems_whose_names_have_a_slash_are_not_mixed_up() -> None:
    clips = [SimpleNamespace(name=str(place), group=place) for place in PLACES]
    values = {name: {"OnsetSyncAcc": dict.fromkeys(PLACES, level)} for name, level in zip("abcd", (1, 0, 0.5, 0.5))}
    names = dict(zip(("a", "b/c", "a/b", "c"), "abcd"))
    measured = Measured(
        clips=clips, systems=(), folders_of={name: (folder,) for name, folder in names.items()}, values=values, runs={}
    )
    found = {(one.first, one.second): one for one in Comparer(measured=measured, seed=0).comparisons()}
    assert found["a", "b/c"].better == "a" and found["a", "b/c"].p_holm < LEVEL
    assert found["a/b", "c"].better == "" and found["a/b", "c"].p_holm == 1.0
