"""A shoebox room with a near and a far source: drawn from a seed, simulated by pyroomacoustics, measured. SPEC A4.

Legend: T taps of a response.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

import numpy as np
import pyroomacoustics as pra
from scipy import signal

from data_contracts import ContractError, ItemError
from tasks.augment.measure import direct_to_reverberant_db, effect_missing, t60_s
from tasks.media.samples import Samples

_SPEED_OF_SOUND: Final = 343.0
_FILTER_DELAY: Final = 40  # half of pyroomacoustics' fractional delay filter
_LEAD_S: Final = 1e-3
_AIR_NEPER_PER_M: Final = 0.0203  # energy lost per metre at 8 kHz (about f^1.7), 20 degrees, 50 % humidity
_MEASURED_TO_SABINE: Final = 1.25  # the image method measures 20 to 40 % more than Sabine's formula states
_T60_TOLERANCE: Final = 0.25
_DROP_DB: Final = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A room in metres, a microphone, a near and a far source, a reverberation time, and the loss on the way.

    `absorption_db_per_octave` is the spectral attenuation above 500 Hz, beyond that of the air. `number` is the room's
    place in the bank, None for a room of one item's own.
    """

    room_m: tuple[float, float, float]
    microphone_m: tuple[float, float, float]
    near_source_m: tuple[float, float, float]
    far_source_m: tuple[float, float, float]
    near_m: float
    far_m: float
    sabine_t60_s: float
    absorption_db_per_octave: float
    number: int | None = None

    def __post_init__(self) -> None:
        points = (self.microphone_m, self.near_source_m, self.far_source_m)
        if any(not 0 < value < wall for point in points for value, wall in zip(point, self.room_m, strict=True)):
            raise ContractError(f"distance recipe: a point is outside the room {self.room_m} m")

    def to_values(self) -> dict[str, Any]:
        """Returns plain JSON values; `from_values` is the inverse."""
        values = asdict(self)
        return {"room": values.pop("number"), **values}

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Room:
        """Rebuilds a room from a row's values; others are ignored. Raises ContractError when they describe none."""
        names = [field.name for field in fields(cls) if field.name != "number"]
        try:
            known: dict[str, Any] = {name: tuple(v) if isinstance(v := values[name], list) else v for name in names}
            return cls(**known, number=values.get("room"))
        except (KeyError, TypeError, ValueError) as error:
            raise ContractError(f"stored recipe {dict(values)} describes no room: {error!r}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The response of the far source, scaled so that the near source's direct sound has energy 1, and its measures.

    `far_T` starts `lead` samples before the direct sound. The ratios are direct to reverberant.
    """

    far_T: Samples  # noqa: N815 (shape suffix)
    lead: int
    near_ratio_db: float
    far_ratio_db: float
    t60_s: float


def draw_room(
    seed: int,
    *,
    near_m: float,
    far_m: tuple[float, float],
    t60_s: tuple[float, float],
    number: int | None = None,
) -> Room:
    """Returns a room drawn from `seed`: the same seed, the same room.

    The far distance in metres is drawn from `far_m`, each ratio as often; the reverberation time from `t60_s`.
    """
    rng = np.random.default_rng(seed)
    distance_m = round(float(np.exp(rng.uniform(*np.log(far_m)))), 2)
    size = (distance_m + rng.uniform(2.0, 3.5), rng.uniform(6.5, 9.0), rng.uniform(3.4, 4.5))
    microphone = np.array([rng.uniform(0.8, 1.3), size[1] / 2 + rng.uniform(-1, 1), rng.uniform(1.2, 1.7)])
    angle = rng.uniform(-0.12, 0.12)
    direction = np.array([np.cos(angle), np.sin(angle), 0.0])
    return Room(
        room_m=_rounded(np.array(size)),
        microphone_m=_rounded(microphone),
        near_source_m=_rounded(microphone + near_m * direction),
        far_source_m=_rounded(microphone + distance_m * direction),
        near_m=near_m,
        far_m=distance_m,
        sabine_t60_s=round(float(rng.uniform(*t60_s)) / _MEASURED_TO_SABINE, 3),
        absorption_db_per_octave=round(float(rng.uniform(1.8, 2.8)), 3),
        number=number,
    )


def simulate(room: Room, rate_hz: int) -> Response:
    """Returns the room's far response, air and spectral attenuation included, and what both responses measure.

    Raises ItemError effect_missing unless the direct-to-reverberant ratio falls by 6 dB from near to far.
    """
    near_T, far_T = image_source_responses(room, rate_hz)
    near_direct, far_direct = (
        round(metres / _SPEED_OF_SOUND * rate_hz) + _FILTER_DELAY for metres in (room.near_m, room.far_m)
    )
    scale = np.sqrt(np.sum(np.square(near_T[max(0, near_direct - 20) : near_direct + 21])))
    lossy_T = _spectral_loss(_air_loss(far_T / scale, rate_hz), rate_hz, room.absorption_db_per_octave)
    lossy_T = lossy_T.astype(np.float32)
    near_db = direct_to_reverberant_db(near_T / scale, near_direct, rate_hz)
    far_db = direct_to_reverberant_db(lossy_T, far_direct, rate_hz)
    if far_db > near_db - _DROP_DB:
        raise effect_missing("direct-to-reverberant change in dB", far_db - near_db, f"at most -{_DROP_DB:g}")
    start = max(0, far_direct - round(_LEAD_S * rate_hz))
    return Response(
        far_T=lossy_T[start:],
        lead=far_direct - start,
        near_ratio_db=round(near_db, 3),
        far_ratio_db=round(far_db, 3),
        t60_s=round(t60_s(lossy_T, rate_hz), 3),
    )


def require_t60(response: Response, t60_s: tuple[float, float]) -> None:
    """Raises ItemError effect_missing unless the measured reverberation time is in the range, or within a quarter."""
    low_s, high_s = (1 - _T60_TOLERANCE) * t60_s[0], (1 + _T60_TOLERANCE) * t60_s[1]
    if not low_s <= response.t60_s <= high_s:
        raise effect_missing("T60 in s", response.t60_s, f"{low_s:.4g} to {high_s:.4g}")


def image_source_responses(room: Room, rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns pyroomacoustics' responses (T,) of the near and the far source, by the image method to full order."""
    shoebox = build_shoebox(room, rate_hz)
    shoebox.compute_rir()
    near_T, far_T = (np.asarray(response, np.float64) for response in shoebox.rir[0])
    return near_T, far_T


def build_shoebox(room: Room, rate_hz: int) -> pra.ShoeBox:
    """Returns pyroomacoustics' room with its near source, its far source and its microphone, in this order."""
    pra.constants.set("num_threads", 1)  # sums in one order, whatever the machine
    absorption, order = pra.inverse_sabine(room.sabine_t60_s, room.room_m)
    shoebox = pra.ShoeBox(room.room_m, fs=rate_hz, materials=pra.Material(absorption), max_order=order)
    shoebox.add_source(room.near_source_m)
    shoebox.add_source(room.far_source_m)
    shoebox.add_microphone(room.microphone_m)
    return shoebox


def _rounded(point: np.ndarray) -> tuple[float, float, float]:
    x, y, z = (round(float(value), 3) for value in point)
    return x, y, z


def _air_loss(response_T: np.ndarray, rate_hz: int) -> np.ndarray:
    """Returns the response after the absorption of the air, which grows with time, that is distance, and frequency."""
    window = 256
    if len(response_T) < 2 * window:
        raise ItemError("effect_missing", f"the room's response has only {len(response_T)} samples")
    hz, times_s, spectrum = signal.stft(response_T, rate_hz, nperseg=window)
    energy_loss = _AIR_NEPER_PER_M * (hz[:, None] / 8000.0) ** 1.7 * times_s[None] * _SPEED_OF_SOUND
    _, damped = signal.istft(spectrum * np.exp(-energy_loss / 2), rate_hz, nperseg=window)
    return np.asarray(damped[: len(response_T)])


def _spectral_loss(response_T: np.ndarray, rate_hz: int, db_per_octave: float) -> np.ndarray:
    """Returns the response lowered by `db_per_octave` above 500 Hz, by a linear-phase filter without delay."""
    hz = np.linspace(0, rate_hz / 2, 257)
    gains = 10 ** (-db_per_octave * np.log2(np.maximum(hz, 500.0) / 500.0) / 20)
    return np.asarray(signal.fftconvolve(response_T, signal.firwin2(255, hz, gains, fs=rate_hz), mode="same"))
