"""Players for clips to compare, each with a spectrogram; all share one time axis, one frequency axis, one dB scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from data_contracts import ItemError
from tasks.media.samples import Samples
from tasks.report.media import MediaEmbedder
from tasks.report.spectrogram import envelope, loudest, power, to_png, top_hz
from tasks.report.svg import envelope_path, event_ticks, number

Kind = Literal["before", "after", "truth", "generated", "reference"]

_TICK_STEPS: Final = ((4, 1), (8, 2), (16, 4), (32, 8))


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackInput:
    """An audio file to show. `video_path`: play it with this video. `given_s`: first seconds that were given.

    `events_s`: the true events, where the corpus knows them.
    """

    title: str
    kind: Kind
    audio_path: str
    events_s: tuple[float, ...] = ()
    video_path: str | None = None
    given_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One player as the template draws it. A `problem` says what is missing and why."""

    title: str
    kind: Kind
    problem: str | None = None
    png: str = ""
    envelope: str = ""
    events: str = ""
    has_events: bool = False
    audio: str | None = None
    video: str | None = None
    duration_s: float = 0.0
    span_s: float = 1.0
    x_ticks: tuple[str, ...] = ()
    y_ticks: tuple[str, ...] = ()


def span_of(duration_s: float) -> tuple[float, tuple[str, ...]]:
    """Returns the time axis for `duration_s`: its end, a multiple of the tick step, and the tick labels."""
    whole = max(1, math.ceil(duration_s - 0.05))
    step = next((step for limit, step in _TICK_STEPS if whole <= limit), 10 * math.ceil(whole / 40))
    count = math.ceil(whole / step)
    return float(count * step), tuple(str(i * step) for i in range(count + 1))


def make_tracks(media: MediaEmbedder, inputs: Sequence[TrackInput]) -> list[Track]:
    """Returns one track per input. All share the time axis, the top frequency and the dB reference."""
    decoded: list[tuple[Samples, int] | ItemError] = [_decoded(media, given) for given in inputs]
    readable = [audio for audio in decoded if not isinstance(audio, ItemError)]
    span_s, x_ticks = span_of(max((len(samples_T) / rate_hz for samples_T, rate_hz in readable), default=1.0))
    top = max((top_hz(rate_hz) for _, rate_hz in readable), default=8000)
    powers = [None if isinstance(audio, ItemError) else power(*audio, span_s=span_s, top=top) for audio in decoded]
    reference = max((loudest(cells) for cells in powers if cells is not None), default=1.0)
    peak = max((float(abs(samples_T).max(initial=0.0)) for samples_T, _ in readable), default=1.0) or 1.0
    tracks = []
    for given, audio, cells in zip(inputs, decoded, powers, strict=True):
        if isinstance(audio, ItemError) or cells is None:
            tracks.append(Track(title=given.title, kind=given.kind, problem=str(audio)))
            continue
        audio_uri, video_uri, problem = _playable(media, given)
        tracks.append(
            Track(
                title=given.title,
                kind=given.kind,
                problem=problem,
                png=media.png_uri(to_png(cells, reference=reference)),
                envelope=envelope_path(envelope(*audio, span_s=span_s), peak=peak),
                events=event_ticks(given.events_s, span_s=span_s, given_s=given.given_s),
                has_events=bool(given.events_s),
                audio=audio_uri,
                video=video_uri,
                duration_s=round(len(audio[0]) / audio[1], 3),
                span_s=span_s,
                x_ticks=x_ticks,
                y_ticks=tuple(number(top / 1000 * i / 4) for i in (4, 2, 0)),
            )
        )
    return tracks


def _decoded(media: MediaEmbedder, given: TrackInput) -> tuple[Samples, int] | ItemError:
    try:
        return media.samples(given.audio_path)
    except ItemError as error:
        return error


def _playable(media: MediaEmbedder, given: TrackInput) -> tuple[str | None, str | None, str | None]:
    """Returns (audio URI, video URI, problem). Audio alone is embedded when there is no video, or it has a problem."""
    problem = None
    if given.video_path is not None:
        try:
            return None, media.video_uri(given.video_path, given.audio_path), None
        except ItemError as error:
            problem = f"video: {error}"
    try:
        return media.audio_uri(given.audio_path), None, problem
    except ItemError as error:
        return None, None, f"audio: {error}"
