"""From files and a sentence to one request: durations, features, reference latents. Source: SPEC G1-G6.

Legend: T samples or video frames, N audio latent frames, V video frames, S sync positions, F latent channels.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from data_contracts import ItemError, UsageError
from model.codec import Codec
from model.encoders import load_image_encoder, load_sync_encoder, load_text_encoder
from model.generate import RULES, Request
from model.specs import FeatureSpecs
from tasks.audio_io import Samples, read_audio
from tasks.generate.options import GenerateOptions
from tasks.video_io import Frames, probe_video, read_frames

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Builds the request of one command. `clip_s` is the length of the clips that the model was trained on."""

    options: GenerateOptions
    specs: FeatureSpecs
    clip_s: float
    codec: Codec

    def request(self) -> Request:
        """Reads all files and encodes them. Raises UsageError naming the option whose file does not do."""
        o, duration_s = self.options, self.duration()
        rule = RULES[o.task]
        reference, original, reference_sync = None, None, None
        if o.task == "ac-vta":
            reference, reference_sync = self._imitated(duration_s)
        elif o.task == "fe":
            reference = self._continued(duration_s)
        elif o.task == "edit":
            original = self._edited(duration_s)
        with_video = o.video is not None
        return Request(
            task=o.task,  # type: ignore[arg-type]  # checked by GenerateOptions.check
            duration_s=duration_s,
            seed=o.seed,
            text_LD=self._text() if (o.text or "").strip() and rule.uses("text") else None,
            clip_VD=self._clip(duration_s) if with_video and rule.uses("clip") else None,
            sync_SD=self._sync(o.video, duration_s) if o.video is not None else None,
            reference_NF=reference,
            reference_sync_SD=reference_sync,
            original_NF=original,
            window_s=o.window if o.task == "edit" else None,
        )

    def duration(self) -> float:
        """Returns the result's length: as asked, else the source's, at most `clip_s`. Raises UsageError."""
        available = self._available_s()
        asked = self.options.duration_s
        if asked is not None and available is not None and asked > available + 0.05:
            raise UsageError(f"--duration {asked:g} s is longer than the source, which has {available:.2f} s")
        duration_s = asked or min(self.clip_s, available or self.clip_s)
        if asked is None and available is not None and available > self.clip_s + 0.05:
            log.warning("only the first %g s of %.1f s get sound; ask for more with --duration", duration_s, available)
        if not (self.specs.clip.length(duration_s) and self.specs.sync.length(duration_s)):
            raise UsageError(f"{duration_s:.2f} s is too short; the video encoders need at least one position each")
        if self.options.window is not None and self.options.window[1] > duration_s + 1e-6:
            start, end = self.options.window
            raise UsageError(f"--window {start:g}:{end:g} reaches past the sound's end at {duration_s:g} s")
        return duration_s

    def _available_s(self) -> float | None:
        o = self.options
        if o.video is not None:
            with _file_of("--video"):
                return probe_video(o.video).duration_s
        if o.task == "edit" and o.reference_audio is not None:
            samples_T = self._audio(o.reference_audio, "--reference-audio")
            return len(samples_T) / self.specs.codec.sample_rate_hz
        return None

    def _text(self) -> Tensor:
        encoder = load_text_encoder(self.specs.text.name)
        self._require("text", encoder.spec)
        return encoder.encode([(self.options.text or "").strip()])[0]

    def _clip(self, duration_s: float) -> Tensor:
        encoder = load_image_encoder(self.specs.clip.name)
        self._require("clip", encoder.spec)
        assert self.options.video is not None
        count = encoder.spec.length(duration_s)
        return encoder.encode(_frames(self.options.video, count, encoder.spec.rate_hz, encoder.size, "--video"))

    def _sync(self, video: Path, duration_s: float, *, surrogate_s: float | None = None) -> Tensor:
        """Returns (S, D); with `surrogate_s`, of the target's frames cropped or repeated to that length (SPEC G4)."""
        encoder = load_sync_encoder(self.specs.sync.name)
        self._require("sync", encoder.spec)
        count = int(encoder.spec.fps * duration_s + 1e-6)
        frames = _frames(video, count, encoder.spec.fps, encoder.size, "--video")
        if surrogate_s is not None:
            frames = frames[np.arange(int(encoder.spec.fps * surrogate_s + 1e-6)) % len(frames)]
        return encoder.encode(frames)

    def _imitated(self, duration_s: float) -> tuple[Tensor, Tensor]:
        """Returns the reference's latent, encoded alone, and its surrogate's (or its own video's) sync features."""
        o, fps = self.options, self.specs.sync.fps
        assert o.reference_audio is not None and o.video is not None
        samples_T = self._audio(o.reference_audio, "--reference-audio")
        length_s = int(min(len(samples_T) / self.specs.codec.sample_rate_hz, self.clip_s) * fps + 1e-6) / fps
        if not self.specs.sync.length(length_s):
            raise UsageError(f"--reference-audio {o.reference_audio.name} is too short ({length_s:.2f} s)")
        latent = self._encode(samples_T, self.specs.codec.samples(length_s))
        if o.reference_video is None:
            return latent, self._sync(o.video, duration_s, surrogate_s=length_s)
        count = int(fps * length_s + 1e-6)
        encoder = load_sync_encoder(self.specs.sync.name)
        return latent, encoder.encode(_frames(o.reference_video, count, fps, encoder.size, "--reference-video"))

    def _continued(self, duration_s: float) -> Tensor:
        """Returns the latent of the segment to continue, in whole frames. Source: SPEC G5."""
        o, spec = self.options, self.specs.codec
        if o.reference_audio is not None:
            samples_T = self._audio(o.reference_audio, "--reference-audio")
            option, kept_s = f"--reference-audio {o.reference_audio.name}", len(samples_T) / spec.sample_rate_hz
        else:
            assert o.window is not None
            start_s, end_s = o.window
            if abs(end_s - duration_s) > 1.0 / spec.frame_rate_hz or not 0 < start_s < end_s:
                raise UsageError(
                    f"--window {start_s:g}:{end_s:g}: task fe generates up to the end; give START:{duration_s:g}"
                )
            samples_T, option, kept_s = self._own_sound(), "--window", start_s
        frames = int(kept_s * spec.frame_rate_hz + 1e-6)
        if not 0 < frames < spec.frames(duration_s):
            raise UsageError(f"{option}: the segment to continue has {kept_s:.2f} s, the result {duration_s:g} s")
        return self._encode(samples_T, frames * spec.hop)

    def _edited(self, duration_s: float) -> Tensor:
        """Returns the latent of the whole sound to edit. Source: SPEC G6."""
        o = self.options
        if o.reference_audio is not None:
            samples_T = self._audio(o.reference_audio, "--reference-audio")
        else:
            samples_T = self._own_sound()
        return self._encode(samples_T, self.specs.codec.samples(duration_s))

    def _own_sound(self) -> Samples:
        assert self.options.video is not None
        with _file_of("--video"):
            if not probe_video(self.options.video).has_audio:
                raise UsageError(f"--video {self.options.video.name} has no sound track; give --reference-audio")
        return self._audio(self.options.video, "--video")

    def _audio(self, path: Path, option: str) -> Samples:
        with _file_of(option):
            return read_audio(path, rate_hz=self.specs.codec.sample_rate_hz)[0]

    def _encode(self, samples_T: Samples, length: int) -> Tensor:
        """Returns the posterior's mean (N, F) of the first `length` samples, padded with silence when shorter."""
        padded_T = np.zeros(length, np.float32)
        padded_T[: min(length, len(samples_T))] = samples_T[:length]
        return self.codec.encode(torch.from_numpy(padded_T)[None])[0][0]

    def _require(self, part: str, spec: object) -> None:
        found = dataclasses.replace(self.specs, **{part: spec})  # type: ignore[arg-type]
        self.specs.require_same(found, "the checkpoint", "this installation")


def _frames(path: Path, count: int, fps: float, size: int, option: str) -> Frames:
    with _file_of(option):
        return read_frames(path, fps=fps, size=size, duration_s=count / fps)[:count]


@contextmanager
def _file_of(option: str) -> Iterator[None]:
    """A file that a person named and that cannot be read is wrong usage, said in one line."""
    try:
        yield
    except ItemError as error:
        raise UsageError(f"{option}: {error.message}") from error
