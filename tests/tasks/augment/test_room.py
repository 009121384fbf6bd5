"""SPEC A4: any seed gives a room whose measures are in range, and distance lowers the direct-to-reverberant ratio."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import ContractError, ItemError
from tasks.augment.measure import direct_to_reverberant_db
from tasks.augment.room import Room, draw_room, image_source_responses, simulate
from tests.tasks.sounds import RATE


@given(st.integers(0, 2**63 - 1), st.floats(0.2, 1.0), st.floats(3.0, 15.0))
def test_any_seed_gives_a_room_with_both_sources_inside(seed: int, near_m: float, far_m: float) -> None:
    room = draw_room(seed, near_m=near_m, far_m=far_m)
    for source_m, distance_m in ((room.near_source_m, near_m), (room.far_source_m, far_m)):
        assert np.linalg.norm(np.subtract(source_m, room.microphone_m)) == pytest.approx(distance_m, abs=0.01)
    assert room == draw_room(seed, near_m=near_m, far_m=far_m)
    assert Room.from_values(room.to_values()) == room


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**63 - 1), st.floats(1.5, 2.5), st.floats(3.0, 4.0))
def test_a4_the_direct_to_reverberant_ratio_falls_with_distance(seed: int, far_m: float, more: float) -> None:
    room = draw_room(seed, near_m=0.5, far_m=far_m * more)
    direction = np.subtract(room.far_source_m, room.microphone_m) / (far_m * more)
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
    response = simulate(draw_room(1, near_m=0.5, far_m=7.0), rate_hz)
    assert response.lead == round(1e-3 * rate_hz)
    assert np.argmax(np.abs(response.far_T[: 4 * response.lead])) == pytest.approx(response.lead, abs=1)
    assert response.far_ratio_db < response.near_ratio_db - 6 and 0.35 <= response.t60_s <= 0.9
    assert np.square(response.far_T).sum() < 1  # quieter than the near source, whose direct sound has energy 1


@pytest.mark.parametrize(("what", "value"), [("t60_s", 3.0), ("direct_to_reverberant_db", 5.0)])
def test_a_room_out_of_range_is_refused(monkeypatch: pytest.MonkeyPatch, what: str, value: float) -> None:
    monkeypatch.setattr(f"tasks.augment.room.{what}", lambda *_: value)
    with pytest.raises(ItemError, match=r"wanted (at most -6|0\.35 to 0\.9)") as caught:
        simulate(draw_room(1, near_m=0.5, far_m=7.0), 8_000)
    assert caught.value.reason == "effect_missing"


def test_points_outside_the_room_are_refused() -> None:
    inside = draw_room(1, near_m=0.5, far_m=7.0)
    for name in ("microphone_m", "near_source_m", "far_source_m"):
        with pytest.raises(ContractError, match="outside the room"):
            replace(inside, **{name: (99.0, 1.0, 1.0)})
