"""What each audio and video file is, measured once per content: length, rate, channels, level, faults.

Legend: N peaks of the fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np

from data_contracts import ItemError
from tasks.commands.evaluate.problems import Problem
from tasks.evaluate.judge_cache import Arrays, FileHashes, JudgeCache, cache_key
from tasks.evaluate.metrics.loudness import lufs
from tasks.evaluate.metrics.quality import is_clipped, is_silent
from tasks.evaluate.sounds import Decoder
from tasks.media.checks import require_file
from tasks.media.fingerprint import Peaks, peaks_of
from tasks.media.video import probe_video

LOWEST_RATE_HZ: Final = 16_000
SHORT_S: Final = 0.1
"""What audio or video may lack at its end without being short: codecs and containers round to frames."""
_VERSION: Final = 2  # of what is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioFacts:
    """One audio file. `lufs` is None where nothing is louder than the gate of BS.1770.

    `single_channel`: the channel that is scored where the channels cancel each other, None where their mean is.
    """

    sha256: str
    duration_s: float
    rate_hz: int
    channels: int
    single_channel: int | None
    silent: bool
    clipped: bool
    lufs: float | None
    peaks_N: Peaks  # noqa: N815 (shape suffix)

    @classmethod
    def from_arrays(cls, sha256: str, arrays: Arrays) -> Self:
        """Reads what `to_arrays` wrote."""
        duration_s, rate_hz, channels, single, silent, clipped, level = arrays["facts"].tolist()
        return cls(
            sha256=sha256,
            duration_s=duration_s,
            rate_hz=int(rate_hz),
            channels=int(channels),
            single_channel=None if np.isnan(single) else int(single),
            silent=bool(silent),
            clipped=bool(clipped),
            lufs=None if np.isnan(level) else level,
            peaks_N=arrays["peaks"],
        )

    def to_arrays(self) -> Arrays:
        """Returns the values as arrays, NaN where there is none."""
        numbers = [
            self.duration_s, self.rate_hz, self.channels, self.single_channel, self.silent, self.clipped, self.lufs,
        ]  # fmt: skip
        return {"facts": np.array(numbers, np.float64), "peaks": self.peaks_N}


@dataclass(frozen=True, slots=True)
class FactFinder:
    """Finds the facts of files, from the cache where they are there."""

    cache: JudgeCache
    hashes: FileHashes
    decoder: Decoder

    def audio(self, path: Path) -> AudioFacts:
        """Returns the facts of an audio file. Raises ItemError as `decode_audio`."""
        sha256 = self._sha256(path)
        key = cache_key("audio facts", version=_VERSION, sha256=sha256)
        if (known := self.cache.get(key)) is not None:
            return AudioFacts.from_arrays(sha256, known)
        audio = self.decoder.decoded(path)
        found = AudioFacts(
            sha256=sha256,
            duration_s=audio.duration_s,
            rate_hz=audio.rate_hz,
            channels=audio.channels,
            single_channel=audio.single_channel,
            silent=is_silent(audio.samples_T, audio.rate_hz),
            clipped=is_clipped(audio.samples_T),
            lufs=lufs(audio.samples_T, audio.rate_hz),
            peaks_N=peaks_of(audio.samples_T, audio.rate_hz),
        )
        self.cache.put(key, found.to_arrays())
        return found

    def video(self, path: Path) -> tuple[str, float]:
        """Returns the SHA-256 and the length in seconds of a video. Raises ItemError as `probe_video`."""
        sha256 = self._sha256(path)
        key = cache_key("video length", version=_VERSION, sha256=sha256)
        if (known := self.cache.get(key)) is None:
            known = {"duration_s": np.array([probe_video(path).duration_s])}
            self.cache.put(key, known)
        return sha256, float(known["duration_s"][0])

    def _sha256(self, path: Path) -> str:
        require_file(path)
        try:
            return self.hashes.sha256(path)
        except OSError as error:
            raise ItemError("unreadable_file", f"{path.name}: {error.strerror or error}") from error


def audio_problems(where: str, name: str, facts: AudioFacts, reference_s: float | None = None) -> Iterable[Problem]:
    """Yields what is wrong with a decoded file; `reference_s` is the length that a generated one should have."""
    if reference_s is not None and facts.duration_s < reference_s - SHORT_S:
        yield Problem(kind="short", where=where, name=name, detail=f"{facts.duration_s:.2f} s of {reference_s:.2f} s")
    if facts.silent:
        yield Problem(kind="silent", where=where, name=name)
    if facts.channels > 1:
        detail = f"{facts.channels} channels"
        if facts.single_channel is not None:
            detail += f" that cancel each other: number {facts.single_channel + 1} is scored"
        yield Problem(kind="stereo", where=where, name=name, detail=detail)
    if facts.rate_hz < LOWEST_RATE_HZ:
        yield Problem(kind="low-rate", where=where, name=name, detail=f"{facts.rate_hz} Hz")


def decoding_problem(where: str, name: str, error: ItemError) -> Problem:
    """Returns the problem of a file that cannot be decoded."""
    kind = "nan" if error.reason == "nan_samples" else "unreadable"
    return Problem(kind=kind, where=where, name=name, detail=error.message)
