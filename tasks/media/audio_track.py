"""An audio track of a video file that is being written: AAC, or FLAC where nothing may be lost.

Legend: T samples, C channels.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import av
import numpy as np

from data_contracts import UsageError
from tasks.media.audio import resample
from tasks.media.samples import Audio

AUDIO_CODECS: Final = {".mp4": "aac", ".mov": "aac", ".mkv": "flac"}
"""The audio codec of a container that can be written, by its suffix; Matroska takes audio without loss."""

_AAC_RATES_HZ: Final = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000)
_AAC_BITS_PER_S: Final = 128_000
_BLOCK: Final = 1024


class AudioTrack:
    """Encodes audio (T,) or (T, C) into a container, up to a time at once, so that it lies beside the frames."""

    def __init__(
        self, target: Any, audio: Audio, rate_hz: int, codec: str, *, bits_per_s: int = _AAC_BITS_PER_S
    ) -> None:
        """Adds the track. A rate that AAC does not have (11,000 Hz, say) is resampled to 48 kHz.

        `bits_per_s` is AAC's bit rate per channel. Raises UsageError for more than two channels.
        """
        audio_TC = np.clip(audio.reshape(len(audio), -1), -1.0, 1.0).astype(np.float32)
        channels = audio_TC.shape[1]
        if channels not in (1, 2):
            raise UsageError(f"audio of {channels} channels cannot be written; 1 and 2 can")
        self._layout = "mono" if channels == 1 else "stereo"
        self._rate_hz = rate_hz if codec == "flac" or rate_hz in _AAC_RATES_HZ else 48_000
        self._target = target
        self._track = target.add_stream(codec, rate=self._rate_hz, layout=self._layout)
        self._track.codec_context.thread_count = 1
        if codec == "aac":
            self._track.codec_context.bit_rate = bits_per_s * channels
        else:
            self._track.codec_context.format = "s16"
        resampled = [resample(np.ascontiguousarray(channel_T), rate_hz, self._rate_hz) for channel_T in audio_TC.T]
        self._audio_CT = np.stack(resampled)
        self._position = 0

    def write_until(self, time_s: float) -> None:
        """Encodes blocks that begin up to a time."""
        while self._position < self._audio_CT.shape[1] and self._position / self._rate_hz <= time_s:
            self._write_block()

    def finish(self) -> None:
        """Encodes the rest."""
        self.write_until(float("inf"))
        self._target.mux(self._track.encode(None))

    def _write_block(self) -> None:
        block_CT = self._audio_CT[:, self._position : self._position + _BLOCK]
        if self._track.codec_context.format.name == "s16":
            scaled_CT = np.clip(np.round(block_CT * 32768.0), -32768, 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(scaled_CT.T.reshape(1, -1), format="s16", layout=self._layout)
        else:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block_CT), format="fltp", layout=self._layout)
        frame.sample_rate, frame.pts, frame.time_base = self._rate_hz, self._position, Fraction(1, self._rate_hz)
        self._target.mux(self._track.encode(frame))
        self._position += block_CT.shape[1]
