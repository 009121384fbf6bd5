"""The independent judgement of changes: right ones pass, copies and wrong ones do not."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.effects import judge, stratum_of
from data_contracts.adverbs import CHANGES, change_of
from tasks.augment.make import Made, make_change
from tasks.commands.verify.sheet import STRATA
from tests.tasks.augment.build import CONTEXT
from tests.tasks.sounds import RATE


def crackle(seconds: float = 4.0) -> np.ndarray:
    rng = np.random.default_rng(2)
    noise = 0.02 * rng.standard_normal(round(seconds * RATE))
    for start in range(400, len(noise) - 800, len(noise) // 40):
        noise[start : start + 800] += 0.3 * rng.standard_normal(800) * np.exp(-np.arange(800) / 150)
    return np.clip(noise, -0.9, 0.9).astype(np.float32)


def test_the_strata_are_those_of_the_verification_sheet() -> None:
    assert {stratum_of(change) for change in CHANGES} == set(STRATA)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.side} to {change.level}")
def test_a_change_is_right_and_another_in_its_place_is_wrong(change) -> None:
    source = crackle()
    _, made = make_change(change, source, RATE, 1, CONTEXT)
    right, found = judge(change, source, made, RATE)
    assert right, found
    copy = Made(content=b"", samples_T=source, measured={})
    assert judge(change, source, copy, RATE)[0] == (change.operation == "original")
    backwards = Made(content=b"", samples_T=np.ascontiguousarray(made.samples_T[::-1]), measured={})
    if change.operation != "distance":
        assert not judge(change, source, backwards, RATE)[0]


def test_a_third_without_sound_is_no_trend() -> None:
    stopped = crackle()
    stopped[: len(stopped) // 2] = 0
    verdict = judge(change_of("loud", "crescendo"), stopped, Made(content=b"", samples_T=stopped, measured={}), RATE)
    assert verdict == (False, "a third is silent")
