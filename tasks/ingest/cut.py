"""Where a recording is cut: the rules of SPEC D1 to D3, as arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tasks.ingest.config import IngestConfig

_PAUSE_S = 0.1  # less silence at an end is a zero crossing or the beginning of an attack
_SLACK_S = 0.05  # codecs pad: a recording longer than the clip by no more than this is kept whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """One portion of a recording, in seconds from its start."""

    start_s: float
    duration_s: float


def video_cut(duration_s: float, config: IngestConfig) -> Cut:
    """Returns the final `clip_s` seconds; all of a shorter recording. Source: SPEC D1."""
    if duration_s <= config.clip_s + _SLACK_S:
        return Cut(start_s=0.0, duration_s=min(duration_s, config.clip_s))
    return Cut(start_s=duration_s - config.clip_s, duration_s=config.clip_s)


def audio_cuts(duration_s: float, config: IngestConfig) -> list[Cut]:
    """Returns the first `clip_s` seconds, or, from `split_from_s` on, up to `max_portions` portions, none overlapping.

    Portions are spread evenly over the recording, the first at its start and the last at its end, which the paper
    leaves open. Source: SPEC D2, D3.
    """
    if duration_s < config.split_from_s or duration_s < 2 * config.clip_s:
        return [Cut(start_s=0.0, duration_s=min(duration_s, config.clip_s))]
    count = min(config.max_portions, int(duration_s / config.clip_s))
    step_s = (duration_s - config.clip_s) / max(1, count - 1)
    return [Cut(start_s=number * step_s, duration_s=config.clip_s) for number in range(count)]


def audible_cuts(duration_s: float, audible_s: tuple[float, float], config: IngestConfig) -> list[Cut]:
    """Returns `audio_cuts` of the audible part of a recording, from its first to its last audible second (SPEC A2).

    A recording that fits into one clip is kept whole, as is less than 0.1 s of silence; at least `min_s` are kept.
    """
    if duration_s <= config.clip_s:
        return audio_cuts(duration_s, config)
    start_s = min(audible_s[0], duration_s - config.min_s) if audible_s[0] > _PAUSE_S else 0.0
    end_s = max(audible_s[1], start_s + config.min_s) if audible_s[1] < duration_s - _PAUSE_S else duration_s
    return [replace(cut, start_s=start_s + cut.start_s) for cut in audio_cuts(end_s - start_s, config)]
