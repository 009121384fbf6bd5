"""One sound made by one recipe: changed, encoded, decoded again, and judged by what the file says (SPEC A2-A5)."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.augment.bank import RoomBank
from tasks.augment.checks import check_sound
from tasks.augment.config import AugmentConfig
from tasks.augment.distance import measure_distance, move_away
from tasks.augment.dynamics import Dynamics, change_dynamics, measure_dynamics
from tasks.augment.encode import flac_bytes, flac_samples
from tasks.augment.measure import peak_db
from tasks.augment.plan import Recipe
from tasks.augment.room import Distance
from tasks.augment.silence import sound_span
from tasks.augment.speed import Speed, measure_speed, play
from tasks.media.samples import Samples

Measured = dict[str, float | None]

# By how much a change may lower what stands at the ends of a sound, beyond its own loss of level.
_RESAMPLED_DB = 6.0  # a lone sample over the threshold, band-limited
_REVERBERANT_DB = 20.0  # a lone sample, darkened and spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A judged sound: its file's content and samples (T,), its measured effect, and how much faster its time runs."""

    content: bytes
    samples_T: Samples  # noqa: N815 (shape suffix)
    measured: Measured
    time_factor: float


def make_sound(sound_T: Samples, rate_hz: int, recipe: Recipe, config: AugmentConfig, bank: RoomBank) -> Made:
    """Returns the changed sound as FLAC at the source's rate, at most `max_s` long.

    All numbers come from the decoded file. Raises ItemError, `effect_missing` when the change did not happen, and as
    `check_sound` does.
    """
    if isinstance(recipe, Speed):
        return _speed(sound_T, rate_hz, recipe, config)
    source_T = _shortened(sound_T, rate_hz, config)
    if isinstance(recipe, Distance):
        return _distance(source_T, rate_hz, recipe, config, bank)
    if isinstance(recipe, Dynamics):
        content, after_T = _through_flac(change_dynamics(source_T, rate_hz, recipe, config.backend), rate_hz)
        measured = measure_dynamics(source_T, after_T, recipe)
        quiet_db = config.silence_db - recipe.span_db - 1.0
    else:
        content, after_T = _through_flac(source_T, rate_hz)
        measured, quiet_db = {}, config.silence_db
    checks = check_sound(source_T, after_T, rate_hz, silence_db=quiet_db)
    return Made(content=content, samples_T=after_T, measured={**measured, **checks}, time_factor=1.0)


def _speed(sound_T: Samples, rate_hz: int, recipe: Speed, config: AugmentConfig) -> Made:
    played = play(sound_T, rate_hz, recipe, max_s=config.max_s, backend=config.backend)
    whole_T = played.samples_T
    cut = played.played_length > len(whole_T)
    content, after_T = _through_flac(_without_end(whole_T, config.silence_db) if cut else whole_T, rate_hz)
    measured = measure_speed(sound_T, after_T, rate_hz, recipe, played)
    checks = check_sound(sound_T, after_T, rate_hz, silence_db=config.silence_db - _RESAMPLED_DB)
    return Made(content=content, samples_T=after_T, measured={**measured, **checks}, time_factor=recipe.factor)


def _distance(source_T: Samples, rate_hz: int, recipe: Distance, config: AugmentConfig, bank: RoomBank) -> Made:
    response = bank.response(recipe, rate_hz)
    far_T = move_away(source_T, response, config.backend)[: round(config.max_s * rate_hz)]
    content, after_T = _through_flac(far_T, rate_hz)
    measured = measure_distance(source_T, after_T, rate_hz, response)
    quiet_db = config.silence_db + peak_db(after_T) - peak_db(source_T) - _REVERBERANT_DB
    checks = check_sound(source_T, after_T, rate_hz, silence_db=quiet_db)
    return Made(content=content, samples_T=after_T, measured={**measured, **checks}, time_factor=1.0)


def _through_flac(samples_T: Samples, rate_hz: int) -> tuple[bytes, Samples]:
    content = flac_bytes(samples_T, rate_hz)
    return content, flac_samples(content)


def _shortened(sound_T: Samples, rate_hz: int, config: AugmentConfig) -> Samples:
    """Returns the first `max_s` seconds; when that cuts something off, without the silence that then stands last."""
    longest = round(config.max_s * rate_hz)
    return sound_T if len(sound_T) <= longest else _without_end(sound_T[:longest], config.silence_db)


def _without_end(samples_T: Samples, silence_db: float) -> Samples:
    end = sound_span(samples_T, silence_db)[1]
    return samples_T[:end] if end else samples_T
