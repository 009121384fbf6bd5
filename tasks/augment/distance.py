"""Distance: a near sound moved away in a simulated room, by pyroomacoustics. Source: SPEC A4.

One shoebox room per item with a near and a far source. The sound is heard through the far response, on the scale on
which the near source's direct sound is the recording itself: so its level, its direct-to-reverberant ratio and its
high frequencies all fall. The direct sound keeps its time, so event times stay true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyroomacoustics as pra
from scipy import signal

from data_contracts import ContractError, ItemError
from tasks.audio_io import Samples
from tasks.augment.errors import effect_missing
from tasks.augment.measure import direct_to_reverberant_db, octave_slope_db, rms_db, t60_s

_SPEED_OF_SOUND: Final = 343.0
_FILTER_DELAY: Final = 40  # half of pyroomacoustics' fractional delay filter
_LEAD_S: Final = 1e-3
_TAIL_DB: Final = -60.0
_AIR_NEPER_PER_M: Final = 0.0203  # energy lost per metre at 8 kHz, 20 degrees, 50 % humidity
_T60_TARGET_S: Final = (0.39, 0.54)  # Sabine's formula; the image method then measures 20-40 % more: 0.4 to 0.8
_T60_LAW_S: Final = (0.35, 0.9)
_DROP_DB: Final = 6.0
_DARKER_DB: Final = -0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """Recipe: a room in metres, a microphone, a near and a far source, a reverberation time, and the loss on the way.

    `absorption_db_per_octave` is the spectral attenuation above 500 Hz, beyond that of the air.
    """

    room_m: tuple[float, float, float]
    microphone_m: tuple[float, float, float]
    near_source_m: tuple[float, float, float]
    far_source_m: tuple[float, float, float]
    near_m: float
    far_m: float
    sabine_t60_s: float
    absorption_db_per_octave: float

    def __post_init__(self) -> None:
        points = (self.microphone_m, self.near_source_m, self.far_source_m)
        if any(not 0 < value < wall for point in points for value, wall in zip(point, self.room_m, strict=True)):
            raise ContractError(f"distance recipe: a point is outside the room {self.room_m} m")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomResponses:
    """Responses of one room, the direct sound of each at its sample number; T taps, scaled alike."""

    near_T: Samples  # noqa: N815 (shape suffix)
    far_T: Samples  # noqa: N815
    near_direct: int
    far_direct: int


def plan_distance(seed: int, *, near_m: float, far_m: float) -> Distance:
    """Returns a recipe drawn from `seed`: the same seed, the same room."""
    rng = np.random.default_rng(seed)
    room = (far_m + rng.uniform(2.0, 3.5), rng.uniform(6.5, 9.0), rng.uniform(3.4, 4.5))
    microphone = np.array([rng.uniform(0.8, 1.3), room[1] / 2 + rng.uniform(-1, 1), rng.uniform(1.2, 1.7)])
    angle = rng.uniform(-0.12, 0.12)
    direction = np.array([np.cos(angle), np.sin(angle), 0.0])
    return Distance(
        room_m=_rounded(np.array(room)),
        microphone_m=_rounded(microphone),
        near_source_m=_rounded(microphone + near_m * direction),
        far_source_m=_rounded(microphone + far_m * direction),
        near_m=near_m,
        far_m=far_m,
        sabine_t60_s=round(float(rng.uniform(*_T60_TARGET_S)), 3),
        absorption_db_per_octave=round(float(rng.uniform(1.8, 2.8)), 3),
    )


def simulate(recipe: Distance, rate_hz: int) -> RoomResponses:
    """Returns the room's responses, air and spectral attenuation included, near direct sound at energy 1."""
    pra.constants.set("num_threads", 1)  # sums in one order, whatever the machine
    absorption, order = pra.inverse_sabine(recipe.sabine_t60_s, recipe.room_m)
    room = pra.ShoeBox(recipe.room_m, fs=rate_hz, materials=pra.Material(absorption), max_order=order)
    room.add_source(recipe.near_source_m)
    room.add_source(recipe.far_source_m)
    room.add_microphone(recipe.microphone_m)
    room.compute_rir()
    near_T, far_T = (np.asarray(response, np.float64) for response in room.rir[0])
    near_direct, far_direct = (
        round(metres / _SPEED_OF_SOUND * rate_hz) + _FILTER_DELAY for metres in (recipe.near_m, recipe.far_m)
    )
    scale = np.sqrt(np.sum(np.square(near_T[max(0, near_direct - 20) : near_direct + 21])))
    far_T = _spectral_loss(_air_loss(far_T / scale, rate_hz), rate_hz, recipe.absorption_db_per_octave)
    return RoomResponses(
        near_T=(near_T / scale).astype(np.float32),
        far_T=far_T.astype(np.float32),
        near_direct=near_direct,
        far_direct=far_direct,
    )


def move_away(samples_T: Samples, rate_hz: int, responses: RoomResponses) -> Samples:
    """Returns the sound as heard from the far source, with its tail; the direct sound stays where it was in time."""
    response_T = responses.far_T[max(0, responses.far_direct - round(_LEAD_S * rate_hz)) :]
    lead = responses.far_direct - (len(responses.far_T) - len(response_T))
    heard_T = signal.fftconvolve(samples_T.astype(np.float64), response_T.astype(np.float64))[lead:]
    return _without_silent_tail(heard_T, len(samples_T)).astype(np.float32)


def measure_distance(before_T: Samples, after_T: Samples, rate_hz: int, responses: RoomResponses) -> dict[str, float]:
    """Returns level, direct-to-reverberant ratio (near and far), spectral slope of the change, and T60.

    Raises ItemError effect_missing unless level and ratio fell by 6 dB, the sound is darker
    (where it has three octaves to judge by) and T60 is 0.35 to 0.9 s.
    """
    levels = rms_db(before_T), rms_db(after_T[: len(before_T)])
    if levels[1] > levels[0] - _DROP_DB:
        raise effect_missing("level change in dB", levels[1] - levels[0], f"at most -{_DROP_DB:g}")
    near_db = direct_to_reverberant_db(responses.near_T, responses.near_direct, rate_hz)
    far_db = direct_to_reverberant_db(responses.far_T, responses.far_direct, rate_hz)
    if far_db > near_db - _DROP_DB:
        raise effect_missing("direct-to-reverberant change in dB", far_db - near_db, f"at most -{_DROP_DB:g}")
    slope = octave_slope_db(before_T, after_T, rate_hz)
    if slope is not None and slope > _DARKER_DB:
        raise effect_missing("spectral change in dB per octave", slope, f"at most {_DARKER_DB:g}")
    decay_s = t60_s(responses.far_T, rate_hz)
    if not _T60_LAW_S[0] <= decay_s <= _T60_LAW_S[1]:
        raise effect_missing("T60 in s", decay_s, f"{_T60_LAW_S[0]} to {_T60_LAW_S[1]}")
    spectral = {} if slope is None else {"spectral_slope_per_octave_db": round(slope, 3)}
    return {
        "level_before_db": round(levels[0], 3),
        "level_after_db": round(levels[1], 3),
        "direct_to_reverberant_before_db": round(near_db, 3),
        "direct_to_reverberant_after_db": round(far_db, 3),
        **spectral,
        "t60_s": round(decay_s, 3),
    }


def _rounded(point: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 3) for value in point)
    return x, y, z


def _air_loss(response_T: np.ndarray, rate_hz: int) -> np.ndarray:
    """Takes from each moment of a response what the air takes on the way sound has come by then (about f^1.7)."""
    window = 256
    if len(response_T) < 2 * window:
        raise ItemError("effect_missing", f"the room's response has only {len(response_T)} samples")
    hz, times_s, spectrum = signal.stft(response_T, rate_hz, nperseg=window)
    energy_loss = _AIR_NEPER_PER_M * (hz[:, None] / 8000.0) ** 1.7 * times_s[None] * _SPEED_OF_SOUND
    _, damped = signal.istft(spectrum * np.exp(-energy_loss / 2), rate_hz, nperseg=window)
    return np.asarray(damped[: len(response_T)])


def _spectral_loss(response_T: np.ndarray, rate_hz: int, db_per_octave: float) -> np.ndarray:
    """Lowers a response by `db_per_octave` above 500 Hz, by a linear-phase filter without delay."""
    hz = np.linspace(0, rate_hz / 2, 257)
    gains = 10 ** (-db_per_octave * np.log2(np.maximum(hz, 500.0) / 500.0) / 20)
    return np.asarray(signal.fftconvolve(response_T, signal.firwin2(255, hz, gains, fs=rate_hz), mode="same"))


def _without_silent_tail(heard_T: np.ndarray, least: int) -> np.ndarray:
    """Cuts the tail where it has fallen 60 dB below the peak, never into the sound's own length."""
    loud = np.flatnonzero(np.abs(heard_T) > np.max(np.abs(heard_T)) * 10 ** (_TAIL_DB / 20))
    return heard_T[: max(least, int(loud[-1]) + 1 if len(loud) else 0)]
