"""SPEC A4: the bank of rooms is the same everywhere, and what it keeps is what it would simulate."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from data_contracts import ItemError
from tasks.augment.bank import RoomBank
from tasks.augment.config import AugmentConfig
from tasks.augment.measure import effect_missing
from tasks.augment.room import Response, Room, draw_room, simulate
from tests.tasks.sounds import RATE

CONFIG = AugmentConfig(rooms=3, far_m=5.0, t60_s=0.45)


def room_of(folder: Path | None, seed: int, version: str = "1") -> tuple[dict[str, object], bytes, float]:
    bank = RoomBank(config=CONFIG, dataset_version=version, folder=folder)
    room = bank.draw(seed, RATE)
    response = bank.response(room, RATE)
    return room.to_values(), response.far_T.tobytes(), response.t60_s


def test_a_seed_falls_on_the_same_room_in_any_process_with_or_without_files(tmp_path: Path) -> None:
    here = [room_of(None, seed) for seed in (0, 4, 8)]
    with ProcessPoolExecutor(1) as pool:
        assert pool.submit(room_of, tmp_path, 4).result() == here[1]
    assert len(list(tmp_path.glob("*.npz"))) == 1
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(lambda seed: room_of(tmp_path, seed), (0, 4, 8))) == here
    assert [room["room"] for room, _, _ in here] == [0, 1, 2]
    assert len({taps for _, taps, _ in here}) == 3
    assert room_of(tmp_path, 4) == room_of(tmp_path, 1)  # both fall on room 1


def test_another_dataset_version_has_other_rooms() -> None:
    assert room_of(None, 0)[0] != room_of(None, 0, version="2")[0]


def test_a_damaged_file_is_made_again(tmp_path: Path) -> None:
    first = room_of(tmp_path, 0)
    (path,) = tmp_path.glob("*.npz")
    whole = path.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"not a zip at all", whole[:200] + b"\xff" * 64 + whole[264:]):
        path.write_bytes(damaged)
        assert room_of(tmp_path, 0) == first
        assert path.read_bytes() == whole


def test_a_kept_room_is_read_and_not_simulated_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = room_of(tmp_path, 0)
    monkeypatch.setattr("tasks.augment.bank.simulate", lambda *_: pytest.fail("simulated again"))
    assert room_of(tmp_path, 0) == first


def test_no_bank_gives_each_item_a_room_of_its_own(tmp_path: Path) -> None:
    bank = RoomBank(config=AugmentConfig(rooms=0), dataset_version="1", folder=tmp_path)
    first, second = bank.draw(1, RATE), bank.draw(2, RATE)
    assert first.number is None and first != second
    assert bank.response(first, RATE).t60_s > 0
    assert not list(tmp_path.glob("*.npz"))  # a room used once is not kept
    np.testing.assert_array_equal(bank.response(first, RATE).far_T, bank.response(first, RATE).far_T)


def test_a_room_whose_measures_are_out_of_range_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first = RoomBank(config=CONFIG, dataset_version="1").draw(0, RATE)

    def refuse_the_first(room: Room, rate_hz: int) -> Response:
        if room == first:
            raise effect_missing("T60 in s", 2.0, "0.35 to 0.9")
        return simulate(room, rate_hz)

    monkeypatch.setattr("tasks.augment.bank.simulate", refuse_the_first)
    drawn = [RoomBank(config=CONFIG, dataset_version="1").draw(0, RATE) for _ in range(2)]
    assert drawn[0] == drawn[1] != first and drawn[0].number == first.number


@pytest.mark.parametrize(("reason", "tries"), [("effect_missing", 20), ("tool_failed", 1)])
def test_a_bank_gives_up_where_no_draw_helps(monkeypatch: pytest.MonkeyPatch, reason: str, tries: int) -> None:
    calls: list[Room] = []

    def refuse(room: Room, _: int) -> Response:
        calls.append(room)
        raise ItemError(reason, "never")

    monkeypatch.setattr("tasks.augment.bank.simulate", refuse)
    with pytest.raises(ItemError, match="never"):
        RoomBank(config=CONFIG, dataset_version="1").draw(0, RATE)
    assert len(calls) == len(set(calls)) == tries


def test_only_the_last_rooms_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Room] = []

    def record(room: Room, _: int) -> Response:
        calls.append(room)
        return Response(far_T=np.zeros(1, np.float32), lead=0, near_ratio_db=9.0, far_ratio_db=0.0, t60_s=0.5)

    monkeypatch.setattr("tasks.augment.bank.simulate", record)
    bank = RoomBank(config=CONFIG, dataset_version="1")
    rooms = [draw_room(seed, near_m=0.5, far_m=(7.0, 7.0), t60_s=(0.5, 0.65)) for seed in range(65)]
    for room in [*rooms, rooms[-1], rooms[0]]:
        bank.response(room, RATE)
    assert calls == [*rooms, rooms[0]]  # the last was still there, the first was not
