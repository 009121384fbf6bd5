"""Sounds that are judged: a part of a file, or audio made from a recipe, always of a stated length.

Legend: T samples.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tasks.engine.workspace import hash_text
from tasks.evaluate.clip_metrics import window
from tasks.media.audio import DecodedAudio, decode_audio
from tasks.media.samples import Samples

MADE_RATE_HZ: Final = 48_000
"""Rate of noise, clicks and silence: no judge hears more."""
NOISES: Final = 32
"""Different noises; each is judged once, whatever the number of clips."""
_KEPT: Final = 1 << 25  # samples in memory, of all decoded files: 128 MB, 70 clips of 10 s at 48 kHz

Read = Callable[[], tuple[Samples, int]]
"""Returns samples (T,) and their rate."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Audio of exactly `to_s - from_s` seconds, cut or continued with silence; equal `content` means equal audio.

    `is_file`: it is a file from its beginning, so a judge whose original takes whole files gets all of it.
    """

    content: str
    from_s: float
    to_s: float
    _read: Read = field(compare=False, repr=False)
    is_file: bool = False

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.to_s - self.from_s

    def whole(self) -> tuple[Samples, int]:
        """Returns all samples that there are, and their rate in Hz. Raises ItemError as `decode_audio`."""
        return self._read()

    def samples(self) -> tuple[Samples, int]:
        """Returns samples (T,) and their rate in Hz. Raises ItemError as `decode_audio`."""
        samples_T, rate_hz = self._read()
        return window(samples_T, rate_hz, self.from_s, self.to_s), rate_hz


class Decoder:
    """Decodes audio files; the last ones stay in memory, for what is asked of them next: one at least, however long."""

    def __init__(self) -> None:
        self._kept: dict[Path, DecodedAudio] = {}
        self._lock = threading.Lock()

    def decoded(self, path: Path) -> DecodedAudio:
        """Returns a file's audio. Raises ItemError as `decode_audio`."""
        with self._lock:
            known = self._kept.pop(path, None)
        audio = known or decode_audio(path)
        with self._lock:
            self._kept[path] = audio  # the last one
            while len(self._kept) > 1 and sum(len(one.samples_T) for one in self._kept.values()) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return audio

    def part(self, path: Path, sha256: str, from_s: float, to_s: float) -> Sound:
        """Returns a part of a file, by the hash of its content."""
        return Sound(sha256, from_s, to_s, self._reader(path))

    def beginning(self, path: Path, sha256: str, to_s: float) -> Sound:
        """Returns a file from its beginning, of which so much is scored."""
        return Sound(sha256, 0.0, to_s, self._reader(path), is_file=True)

    def _reader(self, path: Path) -> Read:

        def read() -> tuple[Samples, int]:
            audio = self.decoded(path)
            return audio.samples_T, audio.rate_hz

        return read


def made_sound(name: str, seed: int, rate_hz: int, duration_s: float, make: Callable[[], Samples]) -> Sound:
    """Returns audio that `make` makes, whose content follows from the other arguments."""
    content = hash_text("made sound", name, str(seed), str(rate_hz), repr(duration_s))
    return Sound(content, 0.0, duration_s, lambda: (make(), rate_hz))
