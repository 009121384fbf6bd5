"""What one pass over a recording finds, and portions of it, read again: memory does not grow with its length.

A recording of up to `WHOLE` samples is kept from the first pass, so that it is decoded once.

Legend: T samples, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from data_contracts import ItemError
from tasks.media.audio import LOWEST_HZ, SILENT_PEAK, AudibleMeter, channel_to_take, mono_of, peak_of
from tasks.media.blocks import Block, Decoder, decoded
from tasks.media.fingerprint import PeakFinder, Peaks
from tasks.media.samples import Samples
from tasks.media.silence import SpanMeter, audible_span, dc_offset_of

WHOLE: Final = 1 << 22
"""Samples: 16 MB, 87 s at 48 kHz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A recording as mono: the mean of its channels, or `single_channel` where they cancel each other in it.

    `peaks_N` is its fingerprint. `meter` knows the audible span of a recording that is not kept in `whole_T`.
    """

    path: Path
    decoder: Decoder
    rate_hz: int
    channels: int
    single_channel: int | None
    length: int
    peak: float
    audible: bool
    peaks_N: Peaks  # noqa: N815 (shape suffix)
    whole_T: Samples | None  # noqa: N815 (shape suffix)
    meter: SpanMeter

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.length / self.rate_hz

    def require_audible(self, *, min_s: float) -> None:
        """Raises ItemError `too_short` (with both lengths) or `silent` (with the peak)."""
        name = self.path.name
        if self.duration_s < min_s:
            raise ItemError("too_short", f"{name}: {self.duration_s:.3f} s; at least {min_s:g} s are needed")
        if not self.audible:
            limit = f"above {LOWEST_HZ:g} Hz at most {SILENT_PEAK:g}: that is silence"
            raise ItemError("silent", f"{name}: the peak is {self.peak:.2e} of full scale, {limit}")

    def audible_s(self, threshold_db: float) -> tuple[float, float]:
        """Returns when it is first and last over a threshold without its DC offset, in seconds; all of it where it
        never is."""
        start, end = self._audible_span(threshold_db)
        return (start / self.rate_hz, end / self.rate_hz) if end else (0.0, self.duration_s)

    def portions(self, spans: Sequence[tuple[int, int]]) -> list[Samples]:
        """Returns samples (T,) from each span's first one to before its second one, as far as there are any."""
        if self.whole_T is not None:
            return [self.whole_T[start:stop] for start, stop in spans]
        found: list[list[Samples]] = [[] for _ in spans]
        last, at = max((stop for _, stop in spans), default=0), 0
        for block in self.decoder(self.path) if last else ():
            mono_T = mono_of(block.samples_TC, self.single_channel)
            for parts, (start, stop) in zip(found, spans, strict=True):
                parts.append(mono_T[max(0, start - at) : max(0, stop - at)].copy())
            at += len(mono_T)
            if at >= last:
                break
        return [np.concatenate(parts) if parts else np.zeros(0, np.float32) for parts in found]

    def _audible_span(self, threshold_db: float) -> tuple[int, int]:
        if self.whole_T is not None:
            centred_T = self.whole_T - np.float32(dc_offset_of(self.whole_T, self.rate_hz))
            return audible_span(centred_T, threshold_db)
        ends = self.meter.ends(threshold_db)
        if ends is None:
            return 0, 0
        offset = np.float32(self.meter.dc_offset())
        first_T, last_T = self.portions([(start, start + self.meter.part) for start in ends])
        return (
            ends[0] + audible_span(first_T - offset, threshold_db)[0],
            ends[1] + audible_span(last_T - offset, threshold_db)[1],
        )


def survey_audio(path: Path) -> Survey:
    """Decodes a file once and returns what it finds. Raises ItemError as `tasks.media.audio.read_audio`."""
    found, decoder = decoded(path, lambda blocks: _Pass(blocks, None))
    if (channel := channel_to_take(found.peak, found.channel_peaks)) is not None:
        found = _Pass(decoder(path), channel)
    return Survey(
        path=path,
        decoder=decoder,
        rate_hz=found.rate_hz,
        channels=len(found.channel_peaks),
        single_channel=channel,
        length=found.length,
        peak=found.peak,
        audible=found.peak > SILENT_PEAK and found.audible,
        peaks_N=found.peaks_N,
        whole_T=found.whole_T,
        meter=found.meter,
    )


class _Pass:
    """What is found in a recording's blocks."""

    def __init__(self, blocks: Iterator[Block], channel: int | None) -> None:
        self.length, self.peak, self.rate_hz = 0, 0.0, 0
        self.channel_peaks: list[float] = []
        kept: list[Samples] | None = []
        for block in blocks:
            if not self.length:
                self._begin(block)
            mono_T = mono_of(block.samples_TC, channel)
            self.length += len(mono_T)
            self.peak = max(self.peak, peak_of(mono_T))
            peaks = (peak_of(channel_T) for channel_T in block.samples_TC.T)
            self.channel_peaks = [max(pair) for pair in zip(self.channel_peaks, peaks, strict=True)]
            self.audible = self._audible.add(mono_T)
            self._finder.add(mono_T)
            self.meter.add(mono_T)
            kept = None if kept is None or self.length > WHOLE else [*kept, mono_T]
        self.peaks_N = self._finder.finish()
        self.whole_T = None if kept is None else np.concatenate(kept)

    def _begin(self, block: Block) -> None:
        self.rate_hz = block.rate_hz
        self.channel_peaks = [0.0] * block.samples_TC.shape[1]
        self._audible = AudibleMeter(block.rate_hz)
        self._finder = PeakFinder(block.rate_hz)
        self.meter = SpanMeter(block.rate_hz)
