"""From files and a sentence to requests: durations, windows, features, reference latents. Source: SPEC G1-G6.

Legend: T samples or video frames, N audio latent frames, V video frames, S sync positions, F latent channels.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from data_contracts import UsageError
from data_contracts.generation import TASKS, TaskName
from model.generate import Request, window_frames
from model.long import OVERLAP, Window, encode_long, generate_windows, plan_windows
from model.variants import Surrogate
from tasks.commands.generate.media import (
    frames_of,
    require_audible,
    sound_of,
    surrogate_frames,
    track_of,
    video_info,
)
from tasks.commands.generate.options import MAX_SINGLE_S, WINDOWS_FROM, GenerateOptions
from tasks.commands.generate.session import InferenceSession
from tasks.engine.workspace import seed_for
from tasks.media.samples import Samples
from tasks.media.video import Frames

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inputs:
    """The requests of one sound. All methods raise UsageError naming the option whose file does not do."""

    options: GenerateOptions
    session: InferenceSession

    @cached_property
    def duration_s(self) -> float:
        """The result's length: as asked, else the source's, else that of the training clips."""
        o, available = self.options, self._available_s()
        grows = o.task == "edit" and o.video is None
        if o.duration_s is not None and available is not None and o.duration_s > available + 0.05 and not grows:
            raise UsageError(
                f"--duration {o.duration_s:g} s is longer than the source, which has {available:.2f} s; leave it out"
            )
        duration_s = o.duration_s or available or self.session.clip_s
        if o.long == "off" and duration_s > MAX_SINGLE_S:
            raise UsageError(
                f"{duration_s:g} s in one window; at most {MAX_SINGLE_S:g}: give --duration or --long auto"
            )
        self._require_positions(duration_s)
        if o.window is not None and o.window[1] > duration_s + 1e-6:
            start, end = o.window
            raise UsageError(f"--window {start:g}:{end:g} reaches past the sound's end at {duration_s:g} s")
        return duration_s

    @cached_property
    def windows(self) -> list[Window]:
        """One window up to 1.5 times the training clip (or always, when `long` is off), else as many as it takes."""
        known = 0 if self._given is None else len(self._given)
        if self._is_short(self._frames):
            return [Window(0, self._frames, known)]
        return plan_windows(self._frames, self._longest, known=known)

    def single(self) -> Request | None:
        """Returns the only request, or None when the sound takes several windows."""
        if self.options.task == "edit":
            return self._edit_request()
        return self._request(self.windows[0], self._given, 0) if len(self.windows) == 1 else None

    def latent(self, generate: Callable[[Request], Tensor]) -> Tensor:
        """Returns the whole latent (N, F); `generate` turns one request into its latent."""
        request = self.single()
        if request is not None:
            return self.merge(generate(request))
        given = torch.zeros(0, self.session.specs.codec.latent_dim) if self._given is None else self._given
        log.info("%.1f s in %d windows", self.duration_s, len(self.windows))
        return generate_windows(self.windows, given, lambda *window: generate(self._request(*window)))

    def merge(self, latent_NF: Tensor) -> Tensor:
        """Returns the whole latent from a single request's: an edit of a long sound touched only a part. SPEC G6."""
        if self.options.task != "edit":
            return latent_NF
        part, original = self._part, self._original
        return torch.cat([original[: part.start], latent_NF, original[part.stop :]])

    @property
    def _frames(self) -> int:
        return self.session.specs.codec.frames(self.duration_s)

    @property
    def _longest(self) -> int:
        return self.session.specs.codec.frames(self.session.clip_s)

    def _is_short(self, frames: int) -> bool:
        return self.options.long == "off" or frames <= self.session.specs.codec.frames(
            WINDOWS_FROM * self.session.clip_s
        )

    def _span_s(self, window: Window) -> tuple[float, float]:
        rate_hz = self.session.specs.codec.frame_rate_hz
        start_s = window.start / rate_hz
        return start_s, (self.duration_s if window.stop == self._frames else window.stop / rate_hz) - start_s

    def _available_s(self) -> float | None:
        o = self.options
        if o.video is not None:
            return video_info(o.video).duration_s
        if o.task == "edit":
            return len(self._old_sound) / self.session.specs.codec.sample_rate_hz
        return None

    def _require_positions(self, duration_s: float) -> None:
        specs = self.session.specs
        if not (specs.clip.length(duration_s) and specs.sync.length(duration_s)):
            needed_s = max(1 / specs.clip.rate_hz, specs.sync.segment / specs.sync.fps)
            raise UsageError(
                f"{duration_s:.2f} s is too short; the video encoders need at least {needed_s:.2f} s for one position"
            )

    def _request(self, window: Window, context_NF: Tensor | None, number: int) -> Request:
        """Returns the request of one window; later windows draw their own noise from the same seed."""
        o, rule = self.options, TASKS[self.options.task]
        start_s, duration_s = self._span_s(window)
        continues = o.task == "fe"
        sync, reference_sync = self._sync_pair(start_s, duration_s)
        return Request(
            task=cast(TaskName, o.task),
            duration_s=duration_s,
            seed=o.seed if number == 0 else seed_for(str(o.seed), "window", str(number)),
            text_LD=self._text if rule.uses("text") else None,
            clip_VD=self._clip(start_s, duration_s) if o.video is not None and rule.uses("clip") else None,
            sync_SD=sync,
            reference_NF=context_NF if continues else self._imitated,
            reference_sync_SD=reference_sync,
            context_NF=None if continues else context_NF,
        )

    def _edit_request(self) -> Request:
        """Returns the request of the part around the window. Source: SPEC G6."""
        o, part = self.options, self._part
        rate_hz = self.session.specs.codec.frame_rate_hz
        assert o.window is not None
        start, stop = window_frames(o.window, self.duration_s, self.session.specs)
        start_s, duration_s = self._span_s(part)
        sees = o.video is not None and o.sentence is None and o.reference_audio is None  # G5 leads
        sync, reference_sync = self._sync_pair(start_s, duration_s)
        return Request(
            task="edit",
            duration_s=duration_s,
            seed=o.seed,
            text_LD=self._text,
            clip_VD=self._clip(start_s, duration_s) if sees else None,
            sync_SD=sync,
            reference_NF=self._imitated,
            reference_sync_SD=reference_sync,
            original_NF=self._original[part.start : part.stop],
            window_s=((start - part.start) / rate_hz, min((stop - part.start) / rate_hz, duration_s)),
        )

    @cached_property
    def _part(self) -> Window:
        """The frames that an edit works on: all of them, or of a long sound a clip's length around the window."""
        frames = self._frames
        assert self.options.window is not None
        start, stop = window_frames(self.options.window, self.duration_s, self.session.specs)
        if self._is_short(frames):
            return Window(0, frames, 0)
        length = max(self._longest, math.ceil((stop - start) / (1 - OVERLAP)))
        if not self._is_short(length):
            rate_hz = self.session.specs.codec.frame_rate_hz
            raise UsageError(
                f"--window has {(stop - start) / rate_hz:.1f} s; of a long sound at most "
                f"{(1 - OVERLAP) * WINDOWS_FROM * self.session.clip_s:.1f} s can be made anew at once: edit it in parts"
            )
        first = min(max(0, (start + stop - length) // 2), frames - length)
        return Window(first, length, 0)

    @cached_property
    def _text(self) -> Tensor | None:
        sentence = self.options.sentence
        return None if sentence is None else self.session.text.encode([sentence])[0]

    def _clip(self, start_s: float, duration_s: float) -> Tensor:
        encoder = self.session.image
        assert self.options.video is not None
        count, fps = encoder.spec.length(duration_s), encoder.spec.rate_hz
        video, size = self.options.video, encoder.size
        frames = frames_of(video, "--video", count=count, fps=fps, size=size, start_s=start_s, fit=encoder.fit)
        return encoder.encode(frames)

    def _sync_pair(self, start_s: float, duration_s: float) -> tuple[Tensor | None, Tensor | None]:
        """Returns the target's sync features and the reference's: of its own video or of a surrogate (SPEC G4, G8)."""
        o = self.options
        if o.video is None:
            return None, None
        encoder = self.session.sync
        fps, count = encoder.spec.fps, int(encoder.spec.fps * duration_s + 1e-6)
        size = encoder.size
        target = frames_of(o.video, "--video", count=count, fps=fps, size=size, start_s=start_s, fit=encoder.fit)
        stands_for = None if self._imitated is None else encoder.encode(self._reference_frames(target, fps))
        return encoder.encode(target), stands_for

    def _reference_frames(self, target: Frames, fps: float) -> Frames:
        o = self.options
        count = int(fps * self._imitated_s + 1e-6)
        if o.reference_video is None:
            kind = cast(Surrogate, o.surrogate or self.session.variant.surrogate)
            if kind == "true":
                raise UsageError(f"variant {self.session.variant.name} needs --reference-video")
            return surrogate_frames(target, count, kind, fps)
        size, fit = self.session.sync.size, self.session.sync.fit
        return frames_of(o.reference_video, "--reference-video", count=count, fps=fps, size=size, fit=fit)

    @cached_property
    def _imitated_sound(self) -> Samples | None:
        o = self.options
        if o.reference_audio is None or o.task not in ("ac-vta", "edit"):
            return None
        samples_T = self._audio(o.reference_audio, "--reference-audio")
        require_audible(samples_T, o.reference_audio, "--reference-audio")
        return samples_T

    @cached_property
    def _imitated_s(self) -> float:
        """The imitated part of the reference: at most a training clip's length, in whole sync frames."""
        assert self._imitated_sound is not None and self.options.reference_audio is not None
        sync, found_s = self.session.specs.sync, len(self._imitated_sound) / self.session.specs.codec.sample_rate_hz
        if found_s > self.session.clip_s + 0.05:
            log.warning("of --reference-audio the first %g of %.1f s are imitated", self.session.clip_s, found_s)
        length_s = int(min(found_s, self.session.clip_s) * sync.fps + 1e-6) / sync.fps
        if not sync.length(length_s):
            raise UsageError(
                f"--reference-audio {self.options.reference_audio.name} is too short: {found_s:.2f} s; at least "
                f"{sync.segment / sync.fps:.2f} s are needed"
            )
        return length_s

    @cached_property
    def _imitated(self) -> Tensor | None:
        """The reference's latent, encoded alone: what follows or a codec's attention must not leak in. SPEC G4."""
        if self._imitated_sound is None:
            return None
        return self._encode(self._imitated_sound, self.session.specs.codec.samples(self._imitated_s))

    @cached_property
    def _given(self) -> Tensor | None:
        """The latent of the segment that fe continues, in whole frames. Source: SPEC G5."""
        o, spec = self.options, self.session.specs.codec
        if o.task != "fe":
            return None
        if o.reference_audio is not None:
            samples_T = self._audio(o.reference_audio, "--reference-audio")
            option, kept_s = f"--reference-audio {o.reference_audio.name}", len(samples_T) / spec.sample_rate_hz
        else:
            assert o.window is not None and o.video is not None
            start_s, end_s = o.window
            if abs(end_s - self.duration_s) > 1.0 / spec.frame_rate_hz or not 0 < start_s < end_s:
                raise UsageError(
                    f"--window {start_s:g}:{end_s:g}: task fe generates up to the end; give START:{self.duration_s:g}"
                )
            samples_T, option, kept_s = track_of(o.video, spec.sample_rate_hz, "--reference-audio"), "--window", start_s
        frames = int(kept_s * spec.frame_rate_hz + 1e-6)
        if not 0 < frames < self._frames:
            raise UsageError(f"{option}: the segment to continue has {kept_s:.2f} s, the result {self.duration_s:g} s")
        return self._encode(samples_T, frames * spec.hop)

    @cached_property
    def _old_sound(self) -> Samples:
        o = self.options
        if o.original is not None:
            return self._audio(o.original, "--original")
        assert o.video is not None
        return track_of(o.video, self.session.specs.codec.sample_rate_hz, "--original")

    @cached_property
    def _original(self) -> Tensor:
        """The latent of the old sound; shorter than the result when the window takes over where it ends. SPEC G6."""
        spec, samples_T = self.session.specs.codec, self._old_sound
        assert self.options.window is not None
        start, stop = window_frames(self.options.window, self.duration_s, self.session.specs)
        known = min(len(samples_T) // spec.hop, self._frames)
        if start <= known and stop == self._frames and known > 0:
            return self._encode(samples_T, known * spec.hop)
        if len(samples_T) < (self._frames - 1) * spec.hop and self.options.video is None:
            raise UsageError(
                f"--duration {self.duration_s:g} s is longer than the sound to edit, "
                f"{len(samples_T) / spec.sample_rate_hz:.2f} s; then --window must reach from there to the end"
            )
        return self._encode(samples_T, self._frames * spec.hop)

    def _audio(self, path: Path, option: str) -> Samples:
        return sound_of(path, option, self.session.specs.codec.sample_rate_hz)

    def _encode(self, samples_T: Samples, length: int) -> Tensor:
        """Returns the posterior's mean (N, F) of the first `length` samples, padded with silence when shorter."""
        padded_T = torch.zeros(length)
        padded_T[: min(length, len(samples_T))] = torch.from_numpy(samples_T[:length])
        return encode_long(self.session.codec, padded_T)
