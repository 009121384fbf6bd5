"""A bank of rooms: each simulated once, then stored in the workspace, because simulating takes ten times as long as
using it. SPEC A4.

Room n of a bank depends on the dataset version, n and the ranges of the settings alone, so any process draws the same
one, and a bank that is missing, or a file of it that is damaged, is made again to the same numbers.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyroomacoustics as pra

from data_contracts import ItemError, to_json
from data_contracts.files import atomic_path
from tasks.augment.config import AugmentConfig
from tasks.augment.room import Response, Room, draw_room, require_t60, simulate
from tasks.engine.workspace import hash_text, seed_for

_FORMAT: Final = 2  # raised when `simulate` changes what it returns
_DRAWS: Final = 20
_IN_MEMORY: Final = 64


@dataclass(slots=True)
class RoomBank:
    """Responses by room and rate. With `folder` None the last ones are kept in memory only."""

    config: AugmentConfig
    dataset_version: str
    folder: Path | None = None
    _memory: dict[str, Response] = field(default_factory=dict)

    def draw(self, seed: int, rate_hz: int) -> Room:
        """Returns the room that belongs to `seed`: one of the bank, or with `rooms` 0 one of the seed's own.

        It is drawn again until its measures are in range; the last of 20 draws raises ItemError effect_missing.
        """
        number = seed % self.config.rooms if self.config.rooms else None
        for attempt in range(_DRAWS):
            room = self._room(seed, number, attempt)
            try:
                require_t60(self.response(room, rate_hz), self.config.t60_s)
            except ItemError as error:
                if error.reason != "effect_missing" or attempt == _DRAWS - 1:
                    raise
            else:
                return room
        raise AssertionError("unreachable: the last draw returns or raises")

    def _room(self, seed: int, number: int | None, attempt: int) -> Room:
        if number is None:
            room_seed = seed_for(str(seed), "room", str(attempt))
        else:
            room_seed = seed_for(self.dataset_version, "room", str(number), str(attempt))
        config = self.config
        return draw_room(room_seed, near_m=config.near_m, far_m=config.far_m, t60_s=config.t60_s, number=number)

    def response(self, room: Room, rate_hz: int) -> Response:
        """Returns the room's response, simulated when it is not stored. Raises ItemError as `simulate` does."""
        values = to_json(replace(room, number=None).to_values())
        key = hash_text("room", str(_FORMAT), pra.__version__, str(rate_hz), values)
        if (known := self._memory.get(key)) is not None:
            return known
        path = None if self.folder is None or room.number is None else self.folder / f"{key[:24]}.npz"
        response = None if path is None else _read(path)
        if response is None:
            response = simulate(room, rate_hz)
            if path is not None:
                _write(path, response)
        if len(self._memory) >= _IN_MEMORY:
            self._memory.pop(next(iter(self._memory)))
        self._memory[key] = response
        return response


def _write(path: Path, response: Response) -> None:
    numbers = {name: getattr(response, name) for name in ("lead", "near_ratio_db", "far_ratio_db", "t60_s")}
    out = io.BytesIO()
    np.savez(out, far_T=response.far_T, numbers=np.frombuffer(json.dumps(numbers).encode(), np.uint8))
    with atomic_path(path) as temporary:
        temporary.write_bytes(out.getvalue())


def _read(path: Path) -> Response | None:
    """Returns a stored response; None when there is none or its file is damaged, which the zip's checksums show."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            numbers = json.loads(stored["numbers"].tobytes())
            return Response(
                far_T=np.asarray(stored["far_T"], np.float32),
                lead=int(numbers["lead"]),
                near_ratio_db=float(numbers["near_ratio_db"]),
                far_ratio_db=float(numbers["far_ratio_db"]),
                t60_s=float(numbers["t60_s"]),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
