"""SPEC A4: farther means quieter, more reverberant and darker; the direct sound keeps its time."""

from __future__ import annotations

import numpy as np
import pytest

from data_contracts import ContractError, ItemError
from data_contracts.adverbs import change_of
from tasks.augment.measure import octave_slope_db, rms_db
from tasks.augment.operations.distance import Distance, move_away
from tasks.augment.recipe import recipes_for
from tasks.augment.room import draw_room, simulate
from tests.tasks.augment.build import CONTEXT, make_context, measured
from tests.tasks.sounds import RATE, strikes, tone

SEEDS = (2, 22)


def far_recipe(seed: int) -> Distance:
    """Returns the recipe of a room of its own, 0.5 m to 7 m."""
    return Distance(room=draw_room(seed, near_m=0.5, far_m=(7.0, 7.0), t60_s=(0.5, 0.5)))


@pytest.mark.parametrize("seed", SEEDS)
def test_a4_quieter_more_reverberant_and_darker(seed: int) -> None:
    sound, recipe = strikes(3.0, [0.2, 1.2, 2.2]), far_recipe(seed)
    far = recipe.change(sound, RATE, CONTEXT)
    found = measured(recipe, sound, far)
    assert rms_db(far) < rms_db(sound) - 6
    ratios = found["direct_to_reverberant_before_db"], found["direct_to_reverberant_after_db"]
    assert ratios[0] is not None and ratios[1] is not None and ratios[1] < ratios[0] - 6
    slope = octave_slope_db(sound, far, RATE)
    assert slope is not None and slope < -0.3
    assert found["t60_s"] is not None and 0.4 <= found["t60_s"] <= 0.8
    assert np.max(np.abs(far)) < np.max(np.abs(sound))
    pause = slice(round(0.6 * RATE), round(0.75 * RATE))  # the dry sound has died away here, the room has not
    assert rms_db(far[pause]) - rms_db(far) > rms_db(sound[pause]) - rms_db(sound) + 20


def test_the_direct_sound_keeps_its_time() -> None:
    times = [0.2, 1.2, 2.2]
    recipe = far_recipe(5)
    far = recipe.change(strikes(3.0, times), RATE, CONTEXT)
    for time_s in recipe.move_events(times):
        before = np.max(np.abs(far[round((time_s - 0.03) * RATE) : round((time_s - 0.003) * RATE)]))
        after = np.max(np.abs(far[round(time_s * RATE) : round((time_s + 0.01) * RATE)]))
        assert after > 3 * before


def test_the_same_recipe_gives_the_same_samples() -> None:
    sound, room = strikes(1.0, [0.1]), far_recipe(9).room
    first, second = (move_away(sound, simulate(room, RATE)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_change_that_did_not_happen_is_refused() -> None:
    sound = strikes(1.0, [0.1])
    for wrong, what in ((sound, "level"), (sound * np.float32(0.1), "spectral")):
        with pytest.raises(ItemError, match=what) as caught:
            measured(far_recipe(SEEDS[0]), sound, wrong)
        assert caught.value.reason == "effect_missing"


def test_a_low_hum_is_judged_by_level_and_room() -> None:
    hum = tone(2.0, 400) * np.hanning(2 * RATE).astype(np.float32)
    far = far_recipe(4).change(hum, RATE, CONTEXT)
    assert octave_slope_db(hum, far, RATE) is None
    assert measured(far_recipe(4), hum, far)["spectral_slope_per_octave_db"] is None


def test_silence_stays_silence() -> None:
    far = far_recipe(3).change(np.zeros(RATE, np.float32), RATE, CONTEXT)
    assert len(far) >= RATE and not far.any()


def test_the_tail_is_cut_where_it_cannot_be_heard_but_never_the_audio_itself() -> None:
    quiet_end = np.concatenate([tone(0.5), 1e-3 * tone(0.5)]).astype(np.float32)
    far = far_recipe(SEEDS[0]).change(quiet_end, RATE, CONTEXT)
    assert RATE <= len(far) < 2 * RATE
    tail_peak = np.max(np.abs(far[RATE:]), initial=0.0)
    assert tail_peak >= 1e-3 * np.max(np.abs(far)) or len(far) == RATE


def test_up_to_six_rooms_of_the_bank_are_tried_the_same_for_a_seed() -> None:
    change, context = change_of("near", "far"), make_context(rooms=3)
    rooms = [recipe.to_values()["room"] for recipe in recipes_for(change, 7, RATE, context)]
    assert len(rooms) == 6 and set(rooms) <= {0, 1, 2} and len(set(rooms)) > 1
    assert rooms == [recipe.to_values()["room"] for recipe in recipes_for(change, 7, RATE, context)]


def test_a_row_stores_what_the_room_measured() -> None:
    recipe = far_recipe(SEEDS[0])
    found = measured(recipe, sound := strikes(1.0, [0.1]), recipe.change(sound, RATE, CONTEXT))
    stored = recipe.record(found)
    assert (stored["room_t60_s"], stored["room_ratio_db"]) == (found["t60_s"], found["direct_to_reverberant_after_db"])
    assert Distance.from_values(stored) == recipe
    assert "from 0.5 m to 7 m" in recipe.describe()


def test_values_that_are_no_room_are_refused() -> None:
    for damage in ({"room_m": None}, {"far_source_m": [99.0, 1.0, 1.0]}, {"microphone_m": "here"}):
        with pytest.raises(ContractError, match="room"):
            Distance.from_values({**far_recipe(SEEDS[0]).to_values(), **damage})


@pytest.mark.parametrize(("metres", "degree"), [(3.0, "slight"), (4.5, "plain"), (7.9, "plain"), (8.0, "strong")])
def test_the_degree_follows_the_distance(metres: float, degree: str) -> None:
    room = draw_room(1, near_m=0.5, far_m=(metres, metres), t60_s=(0.5, 0.6))
    assert Distance(room=room).degree() == degree and room.far_m == metres


def test_farther_sources_are_quieter_and_more_reverberant() -> None:
    sound = strikes(1.0, [0.1, 0.5])
    found = []
    for metres in (3.0, 6.0, 12.0):
        recipe = Distance(room=draw_room(3, near_m=0.5, far_m=(metres, metres), t60_s=(0.5, 0.5)))
        found.append(measured(recipe, sound, recipe.change(sound, RATE, CONTEXT)))
    for name in ("level_after_db", "direct_to_reverberant_after_db"):
        values = [one[name] for one in found]
        assert values == sorted(values, key=lambda value: -(value or 0.0)), name
