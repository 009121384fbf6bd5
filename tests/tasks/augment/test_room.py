"""SPEC A4: any seed gives a room whose measures are in range, and distance lowers the direct-to-reverberant ratio."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ContractError, ItemError
from tasks.augment.measure import direct_to_reverberant_db
from tasks.augment.room import Response, Room, draw_room, image_source_responses, require_t60, simulate
from tests.tasks.sounds import RATE


@given(st.integers(0, 2**63 - 1), st.floats(0.2, 1.5), st.floats(2.1, 15.0), st.floats(1.0, 1.3))
def test_any_seed_gives_a_room_with_both_sources_inside(seed: int, near_m: float, low_m: float, more: float) -> None:
    far_m, t60_s = (low_m, more * low_m), (0.4, 0.8)
    room = draw_room(seed, near_m=near_m, far_m=far_m, t60_s=t60_s)
    assert far_m[0] - 0.01 <= room.far_m <= far_m[1] + 0.01 and 0.3 < room.sabine_t60_s < 0.8
    for source_m, distance_m in ((room.near_source_m, near_m), (room.far_source_m, room.far_m)):
        assert np.linalg.norm(np.subtract(source_m, room.microphone_m)) == pytest.approx(distance_m, abs=0.01)
    assert room == draw_room(seed, near_m=near_m, far_m=far_m, t60_s=t60_s)
    assert Room.from_values(room.to_values()) == room


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**63 - 1), st.floats(1.5, 2.5), st.floats(3.0, 4.0))
def test_a4_the_direct_to_reverberant_ratio_falls_with_distance(seed: int, far_m: float, more: float) -> None:
    room = draw_room(seed, near_m=0.5, far_m=(far_m * more, far_m * more), t60_s=(0.5, 0.6))
    direction = np.subtract(room.far_source_m, room.microphone_m) / room.far_m
    closer = np.round(room.microphone_m + far_m * direction, 3)
    nearer = replace(room, far_m=far_m, far_source_m=(float(closer[0]), float(closer[1]), float(closer[2])))
    ratios_db = []
    for one in (nearer, room):
        response = image_source_responses(one, 8_000)[1]
        direct = round(one.far_m / 343.0 * 8_000) + 40  # the delay of pyroomacoustics' fractional filter
        ratios_db.append(direct_to_reverberant_db(response, direct, 8_000))
    assert ratios_db[1] < ratios_db[0] - 1.0  # in the same room


@pytest.mark.parametrize("rate_hz", [8_000, RATE])
def test_the_response_starts_just_before_its_direct_sound(rate_hz: int) -> None:
    response = simulate(draw_room(1, near_m=0.5, far_m=(7.0, 7.0), t60_s=(0.5, 0.65)), rate_hz)
    assert response.lead == round(1e-3 * rate_hz)
    assert np.argmax(np.abs(response.far_T[: 4 * response.lead])) == pytest.approx(response.lead, abs=1)
    assert response.far_ratio_db < response.near_ratio_db - 6 and 0.35 <= response.t60_s <= 0.9
    assert np.square(response.far_T).sum() < 1  # quieter than the near source, whose direct sound has energy 1


def test_far_distances_are_drawn_evenly_by_ratio_over_the_whole_range() -> None:
    drawn = [draw_room(seed, near_m=0.5, far_m=(3.0, 12.0), t60_s=(0.4, 0.9)).far_m for seed in range(400)]
    assert min(drawn) < 3.1 and max(drawn) > 11.6
    assert sum(metres < 6.0 for metres in drawn) / 400 == pytest.approx(0.5, abs=0.08)  # half of the ratio 4


def test_a_room_whose_ratio_does_not_fall_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.augment.room.direct_to_reverberant_db", lambda *_: 5.0)
    with pytest.raises(ItemError, match=r"wanted at most -6") as caught:
        simulate(draw_room(1, near_m=0.5, far_m=(7.0, 7.0), t60_s=(0.5, 0.6)), 8_000)
    assert caught.value.reason == "effect_missing"


@pytest.mark.parametrize(("t60_s", "wanted"), [((0.3, 0.39), "0.225 to 0.4875"), ((0.7, 0.9), "0.525 to 1.125")])
def test_a_reverberation_time_a_quarter_out_of_the_range_is_refused(t60_s: tuple[float, float], wanted: str) -> None:
    response = Response(far_T=np.zeros(1, np.float32), lead=0, near_ratio_db=9.0, far_ratio_db=0.0, t60_s=0.5)
    require_t60(response, (0.4, 0.41))
    with pytest.raises(ItemError, match=rf"T60 in s is 0\.5; wanted {wanted}"):
        require_t60(response, t60_s)


def test_points_outside_the_room_are_refused() -> None:
    inside = draw_room(1, near_m=0.5, far_m=(7.0, 7.0), t60_s=(0.5, 0.65))
    for name in ("microphone_m", "near_source_m", "far_source_m"):
        with pytest.raises(ContractError, match="outside the room"):
            replace(inside, **{name: (99.0, 1.0, 1.0)})
