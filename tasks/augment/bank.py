"""A bank of rooms: each simulated once, then kept in the workspace, because a room costs ten times its use. SPEC A4.

Room n of a bank depends on the dataset version, n and the two distances alone, so any process draws the same one, and
a bank that is missing, or a file of it that is damaged, is made again to the same numbers.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyroomacoustics as pra

from data_contracts import ItemError, to_json
from data_contracts.files import atomic_path
from tasks.augment.config import AugmentConfig
from tasks.augment.room import Distance, Response, plan_distance, simulate
from tasks.engine.workspace import hash_text, seed_for

_FORMAT: Final = 1  # raised when `simulate` changes what it returns
_DRAWS: Final = 20  # of a bank's room until one keeps the laws
_KEPT: Final = 64


@dataclass(slots=True)
class RoomBank:
    """Rooms by recipe and rate. `folder` None keeps the last ones in memory only."""

    config: AugmentConfig
    dataset_version: str
    folder: Path | None = None
    _memory: dict[str, Response] = field(default_factory=dict)

    def draw(self, seed: int, rate_hz: int) -> Distance:
        """Returns the room that `seed` falls on: one of the bank, or with `rooms` 0 one of its own."""
        near_m, far_m = self.config.near_m, self.config.far_m
        if self.config.rooms == 0:
            return plan_distance(seed, near_m=near_m, far_m=far_m)
        number = seed % self.config.rooms
        for attempt in range(_DRAWS):
            bank_seed = seed_for(self.dataset_version, "room", str(number), str(attempt))
            recipe = plan_distance(bank_seed, near_m=near_m, far_m=far_m, room=number)
            try:
                self.response(recipe, rate_hz)
            except ItemError as error:
                if error.reason != "effect_missing" or attempt == _DRAWS - 1:
                    raise
            else:
                return recipe
        raise AssertionError("unreachable: the last draw returns or raises")

    def response(self, recipe: Distance, rate_hz: int) -> Response:
        """Returns the room's response, simulated when it is not kept. Raises ItemError as `simulate` does."""
        key = hash_text(
            "room", str(_FORMAT), pra.__version__, str(rate_hz), to_json(asdict(replace(recipe, room=None)))
        )
        if (known := self._memory.get(key)) is not None:
            return known
        path = None if self.folder is None or recipe.room is None else self.folder / f"{key[:24]}.npz"
        response = None if path is None else _read(path)
        if response is None:
            response = simulate(recipe, rate_hz)
            if path is not None:
                _write(path, response)
        if len(self._memory) >= _KEPT:
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
    """Returns a kept response; None when there is none or its file is damaged (the zip's checksums tell)."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            numbers = json.loads(kept["numbers"].tobytes())
            return Response(
                far_T=np.asarray(kept["far_T"], np.float32),
                lead=int(numbers["lead"]),
                near_ratio_db=float(numbers["near_ratio_db"]),
                far_ratio_db=float(numbers["far_ratio_db"]),
                t60_s=float(numbers["t60_s"]),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
