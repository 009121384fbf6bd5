"""One audio file made by one recipe: changed, encoded, decoded again and checked (SPEC A2-A5).

All numbers are measured on the samples that the written file decodes to.

Legend: T samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from data_contracts import ItemError
from data_contracts.adverbs import Change, changes_for
from tasks.augment.config import AugmentConfig
from tasks.augment.lengths import common_length_s
from tasks.augment.measure import Measured, peak_db, rms_db
from tasks.augment.operations.speed import FACTORS
from tasks.augment.recipe import AugmentContext, Recipe, recipes_for
from tasks.media.audio import flac_bytes, flac_samples
from tasks.media.samples import Samples
from tasks.media.silence import audible_span

_FULL_SCALE: Final = 32766.5 / 32768  # what 16 bits round to their last step
_MAX_DC_DB: Final = -20.0  # of the mean, against the level
_MAX_EDGE_SILENCE_S: Final = 0.1
_SILENT_PEAK_DB: Final = -80.0
_MIN_S: Final = 0.25
_HALF_STEP: Final = 0.5 / 32768  # what rounding may take from a sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A checked file: its content, the samples (T,) it decodes to, and what was measured.

    `length_s` is the length that it was cut to with the clip's other speed levels, None where it was not.
    """

    content: bytes
    samples_T: Samples  # noqa: N815 (shape suffix)
    measured: Measured
    length_s: float | None = None


def make_change(
    change: Change, source_T: Samples, rate_hz: int, seed: int, context: AugmentContext
) -> tuple[Recipe, Made]:
    """Returns the change's first recipe whose effect is measured, and its audio.

    `source_T` is as `prepare_source` returns it. Raises ItemError: `too_short` (under 0.25 s), and as `make_audio` does
    for the last recipe.
    """
    if len(source_T) < _MIN_S * rate_hz:
        raise ItemError("too_short", f"{len(source_T) / rate_hz:.3f} s are left without silence; {_MIN_S} s are needed")
    refused: ItemError | None = None
    for recipe in recipes_for(change, seed, rate_hz, context):
        try:
            return recipe, make_audio(recipe, source_T, rate_hz, context)
        except ItemError as error:
            if error.reason != "effect_missing":
                raise
            refused = error
    assert refused is not None  # there is always a first recipe
    raise refused


def shared_length_s(change: Change, source_T: Samples, rate_hz: int, config: AugmentConfig) -> float | None:
    """Returns the length in seconds that all levels of the change's side get; None where each has its own.

    That is so for sides without playback rates, and without `equal_lengths`.
    """
    siblings = changes_for(change.side)
    if not (config.equal_lengths and any(sibling.operation == "speed" for sibling in siblings)):
        return None
    factors = [FACTORS.get(sibling.variant, 1.0) for sibling in siblings]
    return common_length_s(source_T, rate_hz, factors, max_s=config.max_s, silence_db=config.silence_db)


def make_audio(recipe: Recipe, source_T: Samples, rate_hz: int, context: AugmentContext) -> Made:
    """Returns the changed audio as FLAC at the source's rate, at most `max_s` long.

    Raises ItemError: `effect_missing` when the change did not happen, and as `check_audio` does.
    """
    applied = recipe.apply(source_T, rate_hz, context)
    content = flac_bytes(applied.samples_T, rate_hz)
    after_T = flac_samples(content)
    measured = recipe.measure(applied, after_T, rate_hz, context)
    quiet_db = recipe.quiet_db(context.config.silence_db, applied.source_T, after_T)
    ends_in_pause = context.length_s is not None  # a pause of the source may be where all levels are cut
    checked = check_audio(applied.source_T, after_T, rate_hz, silence_db=quiet_db, ends_in_pause=ends_in_pause)
    return Made(content=content, samples_T=after_T, measured={**measured, **checked}, length_s=context.length_s)


def check_audio(
    before_T: Samples, after_T: Samples, rate_hz: int, *, silence_db: float, ends_in_pause: bool = False
) -> Measured:
    """Returns level, peak, DC against the level, and the silence left at both ends, of a written file.

    `silence_db` is what counts as silence in it: the trim's threshold, lower by what the change took.
    Raises ItemError `silent` (peak under -80 dBFS), `clipped` (more samples at full scale than the source has),
    `dc_offset` (mean over -20 dB of the level) or `edge_silence` (over 0.1 s at an end; only at the start where it may
    end in a pause).
    """
    peak = peak_db(after_T)
    if peak <= _SILENT_PEAK_DB:
        raise ItemError("silent", f"the peak is {peak:.1f} dBFS; wanted over {_SILENT_PEAK_DB:g}")
    clipped = _at_full_scale(before_T), _at_full_scale(after_T)
    if clipped[1] > clipped[0]:
        raise ItemError("clipped", f"{clipped[1]} samples at full scale; the source has {clipped[0]}")
    level = rms_db(after_T)
    dc_db = float(20 * np.log10(abs(float(after_T.mean(dtype=np.float64))) + 1e-9)) - level
    if dc_db > _MAX_DC_DB:
        raise ItemError("dc_offset", f"the mean is {dc_db:.1f} dB of the level; wanted at most {_MAX_DC_DB:g}")
    start, end = audible_span(after_T, 20 * np.log10(max(10 ** (silence_db / 20) - _HALF_STEP, _HALF_STEP)))
    edge_s = max(start, len(after_T) - end) / rate_hz
    checked_s = start / rate_hz if ends_in_pause else edge_s
    if checked_s > _MAX_EDGE_SILENCE_S:
        raise ItemError("edge_silence", f"{checked_s:.3f} s of silence at an end; wanted at most {_MAX_EDGE_SILENCE_S}")
    return {
        "level_db": round(level, 3),
        "peak_db": round(peak, 3),
        "dc_to_level_db": round(dc_db, 1),
        "edge_silence_s": round(edge_s, 4),
    }


def _at_full_scale(samples_T: Samples) -> int:
    return int(np.count_nonzero(samples_T >= _FULL_SCALE) + np.count_nonzero(samples_T <= -_FULL_SCALE))
