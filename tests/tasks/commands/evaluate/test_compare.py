"""Two systems compared: each test keeps its own names, whatever the order."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from tasks.commands.evaluate.compare import Comparer
from tasks.commands.evaluate.measured import Measured
from tasks.commands.evaluate.result import Comparison
from tasks.evaluate.significance import LEVEL

PLACES = range(16)


def compare(names: dict[str, str], values: dict[str, list[float]]) -> dict[tuple[str, str], Comparison]:
    """Returns the comparisons of systems on one metric. `names`: system -> folder; `values`: of each folder's clips."""
    clips = [SimpleNamespace(name=str(place), group=place) for place in PLACES]
    measured = Measured(
        clips=clips,
        systems=(),
        folders_of={name: (folder,) for name, folder in names.items()},
        values={folder: {"OnsetSyncAcc": dict(enumerate(found))} for folder, found in values.items()},
        runs={},
    )
    return {(one.first, one.second): one for one in Comparer(measured=measured, seed=0).comparisons()}


def test_tests_of_systems_whose_names_have_a_slash_are_not_mixed_up() -> None:
    values = {folder: [level] * len(PLACES) for folder, level in (("a", 1.0), ("b", 0.0), ("c", 0.5), ("d", 0.5))}
    found = compare({"a": "a", "b/c": "b", "a/b": "c", "c": "d"}, values)
    assert found["a", "b/c"].better == "a" and found["a", "b/c"].p_holm < LEVEL
    assert found["a/b", "c"].better == "" and found["a/b", "c"].p_holm == 1.0


def test_the_order_of_the_systems_turns_the_difference_and_nothing_else() -> None:
    """Sixteen groups are more than all signs are tried of, so the p-value is drawn."""
    rng = np.random.default_rng(3)
    values = {"a": list(rng.normal(0.4, 1, len(PLACES))), "b": list(rng.normal(0, 1, len(PLACES)))}
    (one,) = compare({"a": "a", "b": "b"}, values).values()
    (other,) = compare({"b": "b", "a": "a"}, values).values()
    assert (one.difference, one.p_value, one.better) == (-other.difference, other.p_value, other.better)
    assert 1e-3 < one.p_value < 1  # few draws are as large, and some are
