"""SPEC A4: farther means quieter, more reverberant and darker; the direct sound keeps its time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ContractError, ItemError
from tasks.augment.distance import measure_distance, move_away
from tasks.augment.measure import direct_to_reverberant_db, octave_slope_db, rms_db
from tasks.augment.room import Distance, image_source_responses, plan_distance, simulate
from tests.tasks.sounds import RATE, strikes, tone

SEEDS = (1, 22)


@given(st.integers(0, 2**63 - 1), st.floats(0.2, 1.0), st.floats(3.0, 15.0))
def test_any_seed_gives_a_room_with_both_sources_inside(seed: int, near_m: float, far_m: float) -> None:
    recipe = plan_distance(seed, near_m=near_m, far_m=far_m)
    gap = np.linalg.norm(np.subtract(recipe.far_source_m, recipe.microphone_m))
    assert gap == pytest.approx(far_m, abs=0.01)
    assert recipe == plan_distance(seed, near_m=near_m, far_m=far_m)


@pytest.mark.parametrize("seed", SEEDS)
def test_a4_quieter_more_reverberant_and_darker(seed: int) -> None:
    sound = strikes(3.0, [0.2, 1.2, 2.2])
    responses = simulate(plan_distance(seed, near_m=0.5, far_m=7.0), RATE)
    far = move_away(sound, responses)
    measured = measure_distance(sound, far, RATE, responses)
    assert rms_db(far) < rms_db(sound) - 6
    ratios = measured["direct_to_reverberant_before_db"], measured["direct_to_reverberant_after_db"]
    assert ratios[0] is not None and ratios[1] is not None and ratios[1] < ratios[0] - 6
    slope = octave_slope_db(sound, far, RATE)
    assert slope is not None and slope < -0.3
    assert measured["t60_s"] is not None and 0.4 <= measured["t60_s"] <= 0.8
    assert np.max(np.abs(far)) < np.max(np.abs(sound))
    pause = slice(round(0.6 * RATE), round(0.75 * RATE))  # the dry sound has died away here, the room has not
    assert rms_db(far[pause]) - rms_db(far) > rms_db(sound[pause]) - rms_db(sound) + 20


def test_the_direct_sound_keeps_its_time() -> None:
    times = [0.2, 1.2, 2.2]
    sound = strikes(3.0, times)
    far = move_away(sound, simulate(plan_distance(5, near_m=0.5, far_m=7.0), RATE))
    for time_s in times:
        before = np.max(np.abs(far[round((time_s - 0.03) * RATE) : round((time_s - 0.003) * RATE)]))
        after = np.max(np.abs(far[round(time_s * RATE) : round((time_s + 0.01) * RATE)]))
        assert after > 3 * before


def test_the_same_recipe_gives_the_same_samples() -> None:
    sound = strikes(1.0, [0.1])
    recipe = plan_distance(9, near_m=0.5, far_m=7.0)
    first, second = (move_away(sound, simulate(recipe, RATE)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_change_that_did_not_happen_is_refused() -> None:
    sound = strikes(1.0, [0.1])
    responses = simulate(plan_distance(1, near_m=0.5, far_m=7.0), RATE)
    bright = sound * np.float32(0.1)
    for wrong, what in ((sound, "level"), (bright, "spectral")):
        with pytest.raises(ItemError, match=what) as caught:
            measure_distance(sound, wrong, RATE, responses)
        assert caught.value.reason == "effect_missing"


def test_a_low_hum_is_judged_by_level_and_room() -> None:
    hum = tone(2.0, 400) * np.hanning(2 * RATE).astype(np.float32)
    responses = simulate(plan_distance(4, near_m=0.5, far_m=7.0), RATE)
    far = move_away(hum, responses)
    assert octave_slope_db(hum, far, RATE) is None
    assert measure_distance(hum, far, RATE, responses)["spectral_slope_per_octave_db"] is None


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**63 - 1), st.floats(1.5, 2.5), st.floats(3.0, 4.0))
def test_a4_the_direct_sound_sinks_into_the_room_with_distance(seed: int, far_m: float, more: float) -> None:
    recipe = plan_distance(seed, near_m=0.5, far_m=far_m * more)
    direction = np.subtract(recipe.far_source_m, recipe.microphone_m) / (far_m * more)
    closer = np.round(recipe.microphone_m + far_m * direction, 3)
    nearer = replace(recipe, far_m=far_m, far_source_m=(float(closer[0]), float(closer[1]), float(closer[2])))
    ratios_db = []
    for room in (nearer, recipe):
        response = image_source_responses(room, 8_000)[1]
        direct = round(room.far_m / 343.0 * 8_000) + 40  # the delay of pyroomacoustics' fractional filter
        ratios_db.append(direct_to_reverberant_db(response, direct, 8_000))
    assert ratios_db[1] < ratios_db[0] - 1.0  # the direct sound against the same room


def test_silence_stays_silence() -> None:
    far = move_away(np.zeros(RATE, np.float32), simulate(plan_distance(3, near_m=0.5, far_m=7.0), RATE))
    assert len(far) >= RATE and not far.any()


def test_points_outside_the_room_are_refused() -> None:
    inside = (1.0, 1.0, 1.0)
    with pytest.raises(ContractError, match="outside the room"):
        Distance(
            room_m=(4.0, 4.0, 3.0),
            microphone_m=inside,
            near_source_m=inside,
            far_source_m=(8.0, 1.0, 1.0),
            near_m=0.5,
            far_m=7.0,
            sabine_t60_s=0.4,
            absorption_db_per_octave=1.0,
        )
