"""Where a recording is cut: the rules of SPEC D1 to D3, as arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.ingest.config import IngestConfig

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
