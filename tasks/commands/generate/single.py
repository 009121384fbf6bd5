"""One audio file from one set of options: its length, its windows, their requests, and the file that is written.

Legend: T samples, C channels, N audio latent frames, F latent channels.
"""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from data_contracts import FoleyGenExError, UsageError
from data_contracts.generation import TASKS, TaskName
from model.generate import Generator, Request, Sampling, window_frames
from model.long import OVERLAP, Window, decode_long, fitting_length, generate_windows, plan_windows
from tasks.commands.generate.inputs import Inputs
from tasks.commands.generate.level import describe_level
from tasks.commands.generate.options import MAX_SINGLE_S, WINDOWS_FROM, GenerateOptions
from tasks.commands.generate.outputs import write_audio
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.sidecar import describe, write_sidecar
from tasks.commands.generate.splice import splice
from tasks.engine.workspace import seed_for
from tasks.media.samples import Audio, Samples

log = logging.getLogger(__name__)


def generate_file(options: GenerateOptions, session: InferenceSession | None = None) -> Path:
    """Generates one file and writes it: WAV or FLAC (16 bit), or MP4, MOV, MKV with the video's frames copied.

    The sidecar beside it, `OUT.json`, says what the audio was made from and which components were placeholders.
    Raises UsageError (one line: what is wrong with which option), WeightsError (checkpoint), MismatchError (codec,
    encoders). Source: SPEC G1-G8.
    """
    options.check()
    generation = Generation(options, session or InferenceSession.of(options))
    generation.write(generation.run())
    return options.out


@dataclass(frozen=True)
class Generation:
    """How one file is generated. `options` must have been checked. Members raise UsageError naming the option.

    `on_step(done, total)` is called after each step of the sampler; what it raises ends the generation.
    """

    options: GenerateOptions
    session: InferenceSession
    on_step: Callable[[int, int], None] | None = None

    @cached_property
    def inputs(self) -> Inputs:
        """What was given, as features and latents."""
        return Inputs(self.options, self.session)

    @cached_property
    def duration_s(self) -> float:
        """The result's length: as asked, else the source's, else that of the training clips."""
        o, available_s = self.options, self.inputs.available_s
        extends = o.task == "edit" and o.video is None
        if o.duration_s is not None and available_s is not None and o.duration_s > available_s + 0.05 and not extends:
            raise UsageError(
                f"--duration {o.duration_s:g} s is longer than the source, which has {available_s:.2f} s; leave it out"
            )
        duration_s = o.duration_s or available_s or self.session.clip_s
        if o.long == "off" and duration_s > MAX_SINGLE_S:
            raise UsageError(
                f"{duration_s:g} s in one window; at most {MAX_SINGLE_S:g}: give --duration or --long auto"
            )
        self._require_positions(duration_s)
        if o.window is not None:
            self.inputs.window_s(duration_s)
        return duration_s

    @cached_property
    def windows(self) -> list[Window]:
        """The windows that are generated one after another; an edit is always one."""
        if self.options.task == "edit":
            return [self._edited]
        known = 0 if self._continued_NF is None else len(self._continued_NF)
        if self._is_short(self._frames):
            return [Window(0, self._frames, known)]
        return plan_windows(self._frames, self._longest, known=known, fits=self._fits)

    @property
    def sampling(self) -> Sampling:
        """How it is sampled: a reference's own video matches the reference and is not masked (DESIGN section 6)."""
        sampling = self.session.generator.sampling
        return replace(sampling, mask_surrogate=False) if self.options.reference_video is not None else sampling

    @property
    def generator(self) -> Generator:
        """The session's generator with this file's sampling and progress."""
        on_step = None if self.on_step is None else self._counted(self.on_step)
        return replace(self.session.generator, sampling=self.sampling, on_step=on_step)

    def single(self) -> Request | None:
        """Returns the only request, or None when the audio takes several windows."""
        if self.options.task == "edit":
            return self._edit_request()
        return self._request(self.windows[0], self._continued_NF, 0) if len(self.windows) == 1 else None

    def run(self) -> Audio:
        """Returns the generated audio; long audio is made in windows. Raises FoleyGenExError when it is not finite."""
        o, request, generator = self.options, self.single(), self.generator

        def generate(one: Request) -> Tensor:
            return generator.generate_each([one], steps=o.steps, cfg_scale=o.cfg_scale)[0]

        if request is not None:
            return self.decode(self.merge(generate(request)))
        given_NF = self._continued_NF
        if given_NF is None:
            given_NF = torch.zeros(0, self.session.specs.codec.latent_dim)
        log.info("%.1f s in %d windows", self.duration_s, len(self.windows))
        return self.decode(generate_windows(self.windows, given_NF, lambda *one: generate(self._request(*one))))

    def merge(self, latent_NF: Tensor) -> Tensor:
        """Returns the whole latent from that of the single request: an edit of long audio replaces a part. SPEC G6."""
        if self.options.task != "edit":
            return latent_NF
        return torch.cat([self._original_NF[: self._edited.start], latent_NF, self._original_NF[self._edited.stop :]])

    def decode(self, latent_NF: Tensor) -> Audio:
        """Returns the audio of a latent, cut to the result's length; what was given has the source's samples again.

        Raises FoleyGenExError when it is not finite.
        """
        audio: Audio = decode_long(self.session.codec, latent_NF).numpy().T
        if not np.isfinite(audio).all():
            raise FoleyGenExError("the generated audio is not finite; the checkpoint is broken, train it again")
        rate_hz = self.session.specs.codec.sample_rate_hz
        audio = audio[: round(self.duration_s * rate_hz)]
        if not self.options.keep_source:
            return audio
        if self.options.task == "edit":
            return splice(audio, self.inputs.original_T, *self._window_samples, rate_hz)
        if self.options.task == "fe":
            return splice(audio, self._continued_T, len(self._continued_T), len(audio), rate_hz)
        return audio

    def write(self, audio: Audio) -> dict[str, Any]:
        """Writes the file and its sidecar; returns the sidecar's content.

        Logs a warning when the audio is nearly silent or clipped, or what was made far from the given audio's level.
        """
        o, measured = self.options, self._measured(audio)
        for warning in measured["warnings"]:
            log.warning("%s: %s", o.out.name, warning)
        write_audio(o.out, o.video, audio, self.session.specs.codec.sample_rate_hz)
        return write_sidecar(o, self.session, self.sampling, measured)

    def describe(self, audio: Audio) -> dict[str, Any]:
        """Returns what the sidecar would say, without what is known of a file only; writes nothing."""
        return describe(self.options, self.session, self.sampling, self._measured(audio))

    def _measured(self, audio: Audio) -> dict[str, Any]:
        levels = describe_level(audio, self._made_beside(len(audio)), self.session.specs.codec.sample_rate_hz)
        return {"duration_s": self.duration_s, "windows": len(self.windows), **levels}

    def _made_beside(self, length: int) -> tuple[int, int] | None:
        """Returns the samples [start, stop) that were made for given audio beside them; None without such audio."""
        if self.options.task == "fe":
            return len(self._continued_T), length
        return self._window_samples if self.options.task == "edit" else None

    def _counted(self, on_step: Callable[[int, int], None]) -> Callable[[], None]:
        """Returns what counts the sampler's steps over all windows; an edit inverts the original first. SPEC G6."""
        numbers = itertools.count(1)
        total = self.options.steps * len(self.windows) * (2 if self.options.task == "edit" else 1)
        return lambda: on_step(next(numbers), total)

    @cached_property
    def _window_s(self) -> tuple[float, float]:
        return self.inputs.window_s(self.duration_s)

    @property
    def _window_samples(self) -> tuple[int, int]:
        start, stop = (round(time_s * self.session.specs.codec.sample_rate_hz) for time_s in self._window_s)
        return start, stop

    @property
    def _frames(self) -> int:
        return self.session.specs.codec.frames(self.duration_s)

    @property
    def _longest(self) -> int:
        return self.session.specs.codec.frames(self.session.clip_s)

    @cached_property
    def _continued_T(self) -> Samples:  # noqa: N802 - shape suffix
        return self.inputs.continued_T(self.duration_s)

    @cached_property
    def _continued_NF(self) -> Tensor | None:  # noqa: N802
        if self.options.task != "fe":
            return None
        return self.inputs.encode(self._continued_T, len(self._continued_T))

    @cached_property
    def _original_NF(self) -> Tensor:  # noqa: N802
        return self.inputs.original(self.duration_s)

    @cached_property
    def _edited(self) -> Window:
        """The frames that an edit works on: all of them, or of long audio a clip's length around the window."""
        frames, rate_hz = self._frames, self.session.specs.codec.frame_rate_hz
        start, stop = window_frames(self._window_s, self.duration_s, self.session.specs)
        if self._is_short(frames):
            return Window(0, frames, 0)
        length = max(self._longest, math.ceil((stop - start) / (1 - OVERLAP)))
        length = fitting_length(length, frames, self._fits)
        if not self._is_short(length):
            raise UsageError(
                f"--window has {(stop - start) / rate_hz:.1f} s; of long audio at most "
                f"{(1 - OVERLAP) * WINDOWS_FROM * self.session.clip_s:.1f} s can be regenerated at once: edit it in "
                f"several steps"
            )
        first = min(max(0, (start + stop - length) // 2), frames - length)
        return Window(first, length, 0)

    def _fits(self, frames: int) -> bool:
        specs = self.session.specs
        return specs.sync.fits(frames / specs.codec.frame_rate_hz)

    def _is_short(self, frames: int) -> bool:
        """Whether one window is enough: up to 1.5 training clips, or always when `long` is off."""
        longest = self.session.specs.codec.frames(WINDOWS_FROM * self.session.clip_s)
        return self.options.long == "off" or frames <= longest

    def _span_s(self, window: Window) -> tuple[float, float]:
        """Returns start and duration of a window in seconds; the last one ends where the result does."""
        rate_hz = self.session.specs.codec.frame_rate_hz
        start_s = window.start / rate_hz
        return start_s, (self.duration_s if window.stop == self._frames else window.stop / rate_hz) - start_s

    def _require_positions(self, duration_s: float) -> None:
        specs = self.session.specs
        if not (specs.clip.length(duration_s) and specs.sync.length(duration_s)):
            needed_s = max(1 / specs.clip.rate_hz, specs.sync.segment / specs.sync.fps)
            raise UsageError(
                f"{duration_s:.2f} s is too short; the video encoders need at least {needed_s:.2f} s for one position"
            )

    def _request(self, window: Window, context_NF: Tensor | None, number: int) -> Request:
        """Returns the request of one window; later windows draw their own noise from the same seed."""
        o, task = self.options, TASKS[self.options.task]
        start_s, duration_s = self._span_s(window)
        continues = o.task == "fe"
        sync, reference_sync = self.inputs.sync(start_s, duration_s)
        return Request(
            task=cast(TaskName, o.task),
            duration_s=duration_s,
            seed=o.seed if number == 0 else seed_for(str(o.seed), "window", str(number)),
            text_LD=self.inputs.text_LD if task.uses("text") else None,
            negative_LD=self.inputs.negative_LD,
            clip_VD=self.inputs.clip(start_s, duration_s) if task.uses("clip") else None,
            sync_SD=sync,
            reference_NF=context_NF if continues else self.inputs.reference_NF,
            reference_sync_SD=reference_sync,
            context_NF=None if continues else context_NF,
        )

    def _edit_request(self) -> Request:
        """Returns the request of the part around the window. Source: SPEC G6."""
        o, part = self.options, self._edited
        rate_hz = self.session.specs.codec.frame_rate_hz
        start, stop = window_frames(self._window_s, self.duration_s, self.session.specs)
        start_s, duration_s = self._span_s(part)
        as_fe = o.prompt is None and o.reference_audio is None  # only fe uses the video's semantics (SPEC G3-G5)
        sync, reference_sync = self.inputs.sync(start_s, duration_s)
        return Request(
            task="edit",
            duration_s=duration_s,
            seed=o.seed,
            text_LD=self.inputs.text_LD,
            negative_LD=self.inputs.negative_LD,
            clip_VD=self.inputs.clip(start_s, duration_s) if as_fe else None,
            sync_SD=sync,
            reference_NF=self.inputs.reference_NF,
            reference_sync_SD=reference_sync,
            original_NF=self._original_NF[part.start : part.stop],
            window_s=((start - part.start) / rate_hz, min((stop - part.start) / rate_hz, duration_s)),
        )
