"""What every written sound has to be, whatever was done to it: not clipped, not silent, without DC, trimmed. SPEC A2.

All is measured on the samples that the written file decodes to.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from data_contracts import ItemError
from tasks.augment.measure import peak_db, rms_db
from tasks.augment.silence import sound_span
from tasks.media.samples import Samples

_FULL_SCALE: Final = 32766.5 / 32768  # what 16 bits round to their last step
_DC_LAW_DB: Final = -20.0  # of the mean, against the sound's level
_EDGE_LAW_S: Final = 0.1
_HEARD_DB: Final = -80.0
_HALF_STEP: Final = 0.5 / 32768  # what rounding may take from a sample


def check_sound(before_T: Samples, after_T: Samples, rate_hz: int, *, silence_db: float) -> dict[str, float | None]:
    """Returns level, peak, DC against the level, and the silence left at both ends, of a written sound.

    `silence_db` is what counts as silence in this sound: the recipe's threshold, lower by what the change took.
    Raises ItemError `silent` (peak under -80 dBFS), `clipped` (more samples at full scale than the source has),
    `dc_offset` (mean over -20 dB of the level) or `edge_silence` (over 0.1 s at an end).
    """
    peak = peak_db(after_T)
    if peak <= _HEARD_DB:
        raise ItemError("silent", f"the peak is {peak:.1f} dBFS; wanted over {_HEARD_DB:g}")
    clipped = _at_full_scale(before_T), _at_full_scale(after_T)
    if clipped[1] > clipped[0]:
        raise ItemError("clipped", f"{clipped[1]} samples at full scale; the source has {clipped[0]}")
    level = rms_db(after_T)
    dc_db = float(20 * np.log10(abs(float(after_T.mean(dtype=np.float64))) + 1e-9)) - level
    if dc_db > _DC_LAW_DB:
        raise ItemError("dc_offset", f"the mean is {dc_db:.1f} dB of the level; wanted at most {_DC_LAW_DB:g}")
    start, end = sound_span(after_T, 20 * np.log10(max(10 ** (silence_db / 20) - _HALF_STEP, _HALF_STEP)))
    edges_s = start / rate_hz, (len(after_T) - end) / rate_hz
    if max(edges_s) > _EDGE_LAW_S:
        raise ItemError("edge_silence", f"{max(edges_s):.3f} s of silence at an end; wanted at most {_EDGE_LAW_S}")
    return {
        "level_db": round(level, 3),
        "peak_db": round(peak, 3),
        "dc_to_level_db": round(dc_db, 1),
        "edge_silence_s": round(max(edges_s), 4),
    }


def _at_full_scale(samples_T: Samples) -> int:
    return int(np.count_nonzero(samples_T >= _FULL_SCALE) + np.count_nonzero(samples_T <= -_FULL_SCALE))
