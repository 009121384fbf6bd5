"""The files and the prompt of one request as the network takes them: features and latents. Source: SPEC G1-G6.

Legend: T samples or video frames, N audio latent frames, V video frames, S sync positions, L text tokens, F latent
channels, D feature width.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, cast

import numpy as np
import torch
from torch import Tensor

from data_contracts import UsageError
from model.encoders import ImageEncoder, SyncEncoder
from model.frames import Frames
from model.long import encode_long
from model.requests import window_frames
from model.variants import Surrogate
from tasks.commands.generate.options import GenerateOptions, naming
from tasks.commands.generate.session import InferenceSession
from tasks.media.audio import SILENT_PEAK, peak_of, read_audio
from tasks.media.frames import read_frames
from tasks.media.samples import Samples
from tasks.media.video import VideoInfo, probe_video

log = logging.getLogger(__name__)

_REPEATED_S: Final = 2.0  # SPEC G8, S2
_MARGIN_S: Final = 60.0  # read past what is used: resampling rounds otherwise where it is given less


@dataclass(frozen=True)
class Inputs:
    """What a person gave for one file. All members raise UsageError naming the option whose file cannot be used."""

    options: GenerateOptions
    session: InferenceSession

    @cached_property
    def available_s(self) -> float | None:
        """Length of the video that is used, or of the audio to edit; None for a prompt alone."""
        if self.options.video is not None:
            return self._video_info.duration_s - self.options.video_from_s
        if self.options.task == "edit":
            return len(self.original_T) / self._rate_hz
        return None

    @cached_property
    def text_LD(self) -> Tensor | None:  # noqa: N802 - shape suffix
        """The prompt's features, None without a prompt. Logs a warning when the encoder does not read all of it."""
        return self._text(self.options.prompt, "--text")

    @cached_property
    def negative_LD(self) -> Tensor | None:  # noqa: N802
        """The negative prompt's features, as `text_LD`."""
        return self._text(self.options.negative_prompt, "--negative")

    def clip(self, start_s: float, duration_s: float) -> Tensor | None:
        """Returns the video's semantics (V, D) of a span, None without a video."""
        if self.options.video is None:
            return None
        encoder = self.session.image
        count, rate_hz = encoder.spec.length(duration_s), encoder.spec.rate_hz
        return encoder.encode(self._target_frames(encoder, count, rate_hz, start_s))

    def sync(self, start_s: float, duration_s: float) -> tuple[Tensor | None, Tensor | None]:
        """Returns the sync features (S, D) of a span of the video, and those of the video that goes with the reference.

        The latter are of the reference's own video when given, else of a surrogate. Source: SPEC G4, G8.
        """
        if self.options.video is None:
            return None, None
        encoder = self.session.sync
        count = self._sync_frames(duration_s)
        target = self._target_frames(encoder, count, encoder.spec.fps, start_s)
        if self.reference_NF is None:
            return encoder.encode(target), None
        return encoder.encode(target), encoder.encode(self._reference_frames(target, encoder))

    @cached_property
    def reference_NF(self) -> Tensor | None:  # noqa: N802
        """The latent of the audio to imitate (ac-vta, edit), encoded alone: nothing else may leak in. SPEC G4."""
        if self.options.reference_audio is None or self.options.task == "fe":
            return None
        return self.encode(self._reference_T, self.session.specs.codec.samples(self._reference_s))

    def window_s(self, duration_s: float) -> tuple[float, float]:
        """Returns START and END of --window; an END up to one audio frame past the result's `duration_s` is its end.

        Raises UsageError for a later END, saying what the result ends with, and for less than one audio frame.
        """
        o, frame_s = self.options, 1.0 / self.session.specs.codec.frame_rate_hz
        assert o.window is not None
        start_s, end_s = o.window
        if end_s > duration_s + frame_s:
            why = f"--duration {o.duration_s:g} s" if o.duration_s else f"the end of the audio at {duration_s:g} s"
            if o.video is not None and not o.duration_s:
                ends = "where the result ends whatever its audio's length"
                why = f"the end of --video {o.video.name} at {duration_s:g} s, {ends}"
            raise UsageError(f"--window {start_s:g}:{end_s:g} reaches past {why}; give {start_s:g}:{duration_s:g}")
        if end_s < start_s:
            raise UsageError(f"--window {start_s:g}:{end_s:g} ends before it starts; give START:END in seconds")
        if min(end_s, duration_s) - start_s < frame_s - 1e-6:
            raise UsageError(
                f"--window {start_s:g}:{end_s:g} is shorter than one audio frame, {1000 * frame_s:.0f} ms; the audio "
                f"ends at {duration_s:g} s"
            )
        return start_s, min(end_s, duration_s)

    def continued_T(self, duration_s: float) -> Samples:  # noqa: N802
        """Returns the segment that fe continues up to `duration_s`, in whole latent frames. Source: SPEC G5."""
        o, spec = self.options, self.session.specs.codec
        if o.reference_audio is not None:
            samples_T = self._continued_reference_T
            option, given_s = f"--reference-audio {o.reference_audio.name}", len(samples_T) / self._rate_hz
        else:
            assert o.video is not None
            start_s, end_s = self.window_s(duration_s)
            if duration_s - end_s > 1.0 / spec.frame_rate_hz or not 0 < start_s < end_s:
                raise UsageError(
                    f"--window {start_s:g}:{end_s:g}: task fe continues the audio before START up to the end; give "
                    f"START:{duration_s:g} with START above 0"
                )
            samples_T, option, given_s = self._audio(o.video, "--video", start_s), "--window", start_s
        frames = int(given_s * spec.frame_rate_hz + 1e-6)
        if not 0 < frames < spec.frames(duration_s):
            raise UsageError(f"{option}: the segment to continue has {given_s:.2f} s, the result {duration_s:g} s")
        source = option if o.video is None or o.window is None else f"--video {o.video.name} before {given_s:g} s"
        _require_audible(samples_T[: frames * spec.hop], source)
        segment_T = np.zeros(frames * spec.hop, np.float32)  # the video's audio may end before START
        segment_T[: len(samples_T)] = samples_T[: len(segment_T)]
        return segment_T

    @cached_property
    def original_T(self) -> Samples:  # noqa: N802
        """The audio to edit, mono at the codec's rate; with --duration not much more than that of it."""
        if self.options.original is not None:
            return self._audio(self.options.original, "--original", self.options.duration_s)
        assert self.options.video is not None
        return self._audio(self.options.video, "--video", self.options.duration_s)

    def original(self, duration_s: float) -> Tensor:
        """Returns the latent of the audio to edit, cut to `duration_s`.

        It is shorter than the result when the window reaches from the original's end (or before) to the result's end.
        """
        spec, frames = self.session.specs.codec, self.session.specs.codec.frames(duration_s)
        start, stop = window_frames(self.window_s(duration_s), duration_s, self.session.specs)
        known = min(len(self.original_T) // spec.hop, frames)
        if known > 0 and start <= known and stop == frames:
            return self.encode(self.original_T, known * spec.hop)
        if len(self.original_T) < (frames - 1) * spec.hop and self.options.video is None:
            raise UsageError(
                f"--duration {duration_s:g} s is longer than the audio to edit, "
                f"{len(self.original_T) / self._rate_hz:.2f} s; then --window must reach from there to the end"
            )
        return self.encode(self.original_T, frames * spec.hop)

    @property
    def _rate_hz(self) -> int:
        return self.session.specs.codec.sample_rate_hz

    @cached_property
    def _reference_T(self) -> Samples:  # noqa: N802
        """The audio to imitate: at most a training clip's length, and what resampling needs after it."""
        path, clip_s = self.options.reference_audio, self.session.clip_s
        assert path is not None
        samples_T, used = self._audio(path, "--reference-audio", clip_s), ""
        if len(samples_T) > (clip_s + 0.05) * self._rate_hz:
            log.warning("--reference-audio is longer than a training clip; its first %g s are imitated", clip_s)
            used = f"the first {clip_s:g} s of "
        _require_audible(samples_T[: round(clip_s * self._rate_hz)], f"{used}--reference-audio {path.name}")
        return samples_T

    @cached_property
    def _reference_s(self) -> float:
        """How much of the reference is imitated: at most a training clip's length, in whole sync frames."""
        sync, found_s = self.session.specs.sync, len(self._reference_T) / self._rate_hz
        length_s = int(min(found_s, self.session.clip_s) * sync.fps + 1e-6) / sync.fps
        if not sync.length(length_s):
            assert self.options.reference_audio is not None
            raise UsageError(
                f"--reference-audio {self.options.reference_audio.name} is too short: {found_s:.2f} s; at least "
                f"{sync.segment / sync.fps:.2f} s are needed"
            )
        return length_s

    def _target_frames(self, encoder: ImageEncoder | SyncEncoder, count: int, fps: float, start_s: float) -> Frames:
        """Returns the video's frames from a time of the result on; while given audio sounds, what is put in place of
        them."""
        o = self.options
        assert o.video is not None
        frames = _frames(o.video, "--video", encoder, count, fps, o.video_from_s + start_s)
        hidden = 0 if o.context_video is None else round((self._given_s - start_s) * fps)
        if o.context_video is None or not 0 < hidden < len(frames):
            return frames
        seen = frames[hidden:]
        return np.concatenate([surrogate_frames(seen, hidden, o.context_video, fps), seen])

    @cached_property
    def _given_s(self) -> float:
        """How much audio fe continues."""
        if self.options.reference_audio is not None:
            return len(self._continued_reference_T) / self._rate_hz
        return self.options.window[0] if self.options.window else 0.0

    @cached_property
    def _continued_reference_T(self) -> Samples:  # noqa: N802
        assert self.options.reference_audio is not None
        return self._audio(self.options.reference_audio, "--reference-audio")

    def _reference_frames(self, target_THWC: Frames, encoder: SyncEncoder) -> Frames:
        fps, count = encoder.spec.fps, self._sync_frames(self._reference_s)
        if self.options.reference_video is not None:
            return _frames(self.options.reference_video, "--reference-video", encoder, count, fps)
        kind = cast(Surrogate, self.options.surrogate or self.session.variant.surrogate)
        if kind == "true":
            raise UsageError(f"variant {self.session.variant.name} needs --reference-video")
        return surrogate_frames(target_THWC, count, kind, fps)

    def _sync_frames(self, duration_s: float) -> int:
        """Returns how many frames the sync features of a span are made of: up to its end or up to 0.3 s past it.

        A span as long as a training clip gets what a training clip has.
        """
        spec, clip_s = self.session.specs.sync, self.session.clip_s
        if abs(duration_s - clip_s) < 1 / spec.fps:
            return int(spec.fps * clip_s + 1e-6)
        return spec.covering_frames(duration_s)

    def _audio(self, path: Path, option: str, used_s: float | None = None) -> Samples:
        """Returns a file's audio at the codec's rate; where only its first `used_s` seconds are used, little more."""
        with naming(option):
            return read_audio(path, rate_hz=self._rate_hz, most_s=None if used_s is None else used_s + _MARGIN_S)[0]

    @cached_property
    def _video_info(self) -> VideoInfo:
        """What the video has: frames of some duration, and audio where the task starts from the video's own."""
        assert self.options.video is not None
        name = self.options.video.name
        with naming("--video"):
            info = probe_video(self.options.video)
        if info.duration_s <= 0:
            raise UsageError(f"--video: {name} has frames without duration; give a video, not a still image")
        own = {"fe": self.options.reference_audio, "edit": self.options.original}.get(self.options.task, name)
        if own is None and not info.has_audio:
            instead = "--reference-audio" if self.options.task == "fe" else "--original"
            raise UsageError(f"--video {name} has no audio; give {instead}")
        return info

    def _text(self, prompt: str | None, option: str) -> Tensor | None:
        if prompt is None:
            return None
        encoder = self.session.text
        if (count := encoder.token_count(prompt)) > encoder.spec.tokens:
            read = encoder.spec.tokens
            log.warning("%s has %d tokens; %s reads the first %d", option, count, encoder.spec.name, read)
        return encoder.encode([prompt])[0]

    def encode(self, samples_T: Samples, length: int) -> Tensor:
        """Returns the posterior's mean (N, F) of the first `length` samples, padded with silence when shorter."""
        padded_T = torch.zeros(length)
        padded_T[: min(length, len(samples_T))] = torch.from_numpy(samples_T[:length])
        return encode_long(self.session.codec, padded_T)


def surrogate_frames(frames_THWC: Frames, count: int, kind: Surrogate, fps: float) -> Frames:
    """Returns `count` frames that replace the reference's own video, made from the target's.

    Source: SPEC G4 (crop: cropped or duplicated), G8 (blank, repeat).
    """
    if kind == "blank":
        return np.zeros((count, *frames_THWC.shape[1:]), np.uint8)
    period = min(len(frames_THWC), round(_REPEATED_S * fps)) if kind == "repeat" else len(frames_THWC)
    return frames_THWC[np.arange(count) % period]


def _frames(
    path: Path, option: str, encoder: ImageEncoder | SyncEncoder, count: int, fps: float, start_s: float = 0.0
) -> Frames:
    """Returns `count` square frames from `start_s` on; past the end the last one is repeated."""
    with naming(option):
        return read_frames(path, fps=fps, size=encoder.size, start_s=start_s, duration_s=count / fps, fit=encoder.fit)[
            :count
        ]


def _require_audible(samples_T: Samples, source: str) -> None:
    """Raises UsageError for silence: there is nothing in it to imitate or to continue."""
    peak = peak_of(samples_T)
    if peak <= SILENT_PEAK:
        raise UsageError(f"{source} is silent: its peak is {peak:.2e} of full scale, at most {SILENT_PEAK:g}")
