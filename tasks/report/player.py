"""A group of sounds to compare: each with its picture, on one time axis and one dB scale, and something to play."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from data_contracts import ItemError
from tasks.media.samples import Samples
from tasks.report.media import MediaBox
from tasks.report.spectrogram import envelope, loudest, power, to_png, top_hz
from tasks.report.svg import envelope_path, event_ticks, number

Kind = Literal["before", "after", "truth", "generated", "reference"]

_TICK_STEPS: Final = ((4, 1), (8, 2), (16, 4), (32, 8))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A sound to show. `video_path`: play it with this picture. `given_s`: the first seconds were given, not made."""

    title: str
    kind: Kind
    audio_path: str
    events_s: tuple[float, ...] = ()
    video_path: str | None = None
    given_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A sound as the template draws it. With a `problem`, nothing else is there."""

    title: str
    kind: Kind
    problem: str | None = None
    png: str = ""
    envelope: str = ""
    events: str = ""
    audio: str | None = None
    video: str | None = None
    duration_s: float = 0.0
    span_s: float = 1.0
    x_ticks: tuple[str, ...] = ()
    y_ticks: tuple[str, ...] = ()


def span_of(duration_s: float) -> tuple[float, tuple[str, ...]]:
    """Returns the time axis that holds `duration_s`: its end in whole tick steps, and the tick labels."""
    whole = max(1, math.ceil(duration_s - 0.05))
    step = next((step for limit, step in _TICK_STEPS if whole <= limit), 10 * math.ceil(whole / 40))
    count = math.ceil(whole / step)
    return float(count * step), tuple(str(i * step) for i in range(count + 1))


def make_tracks(box: MediaBox, sources: Sequence[Source]) -> list[Track]:
    """Returns one track per source. All share the time axis, the top frequency and the dB reference."""
    sounds: list[tuple[Samples, int] | ItemError] = [_sound(box, source) for source in sources]
    heard = [sound for sound in sounds if not isinstance(sound, ItemError)]
    span_s, x_ticks = span_of(max((len(s) / rate for s, rate in heard), default=1.0))
    top = max((top_hz(rate) for _, rate in heard), default=8000)
    powers = [None if isinstance(s, ItemError) else power(*s, span_s=span_s, top=top) for s in sounds]
    reference = max((loudest(p) for p in powers if p is not None), default=1.0)
    peak = max((float(abs(s).max(initial=0.0)) for s, _ in heard), default=1.0) or 1.0
    tracks = []
    for source, sound, cells in zip(sources, sounds, powers, strict=True):
        if isinstance(sound, ItemError) or cells is None:
            tracks.append(Track(title=source.title, kind=source.kind, problem=str(sound)))
            continue
        audio, video, problem = _playable(box, source)
        tracks.append(
            Track(
                title=source.title,
                kind=source.kind,
                problem=problem,
                png=box.png_uri(to_png(cells, reference=reference)),
                envelope=envelope_path(envelope(*sound, span_s=span_s), peak=peak),
                events=event_ticks(source.events_s, span_s=span_s, given_s=source.given_s),
                audio=audio,
                video=video,
                duration_s=round(len(sound[0]) / sound[1], 3),
                span_s=span_s,
                x_ticks=x_ticks,
                y_ticks=tuple(number(top / 1000 * i / 4) for i in (4, 2, 0)),
            )
        )
    return tracks


def _sound(box: MediaBox, source: Source) -> tuple[Samples, int] | ItemError:
    try:
        return box.sound(source.audio_path)
    except ItemError as error:
        return error


def _playable(box: MediaBox, source: Source) -> tuple[str | None, str | None, str | None]:
    """Returns (audio URI, video URI, problem): video where there is a picture, else sound alone."""
    problem = None
    if source.video_path is not None:
        try:
            return None, box.video_uri(source.video_path, source.audio_path), None
        except ItemError as error:
            problem = f"picture: {error}"
    try:
        return box.audio_uri(source.audio_path), None, problem
    except ItemError as error:
        return None, None, f"sound: {error}"
