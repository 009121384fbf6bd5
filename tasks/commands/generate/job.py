"""One command from files to a sound track: the checkpoint says which codec and encoders belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf
from torch import Tensor

from data_contracts import FoleyGenExError, UsageError
from data_contracts.files import atomic_path
from model.generate import Generator, Request, Sampling
from model.long import decode_long
from tasks.commands.generate.inputs import Inputs
from tasks.commands.generate.label import write_label
from tasks.commands.generate.media import naming
from tasks.commands.generate.options import GenerateOptions, parse_window
from tasks.commands.generate.session import InferenceSession
from tasks.media.audio import write_flac
from tasks.media.checks import require_file
from tasks.media.mux import VIDEO_SUFFIXES, mux_sound, require_picture_fits

__all__ = ["GenerateOptions", "Sound", "generate_file", "make_sound", "parse_window", "prepare", "write_sound"]

Audio = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sound:
    """A generated sound: samples (T,) or (T, C), their rate, and how many windows it took."""

    audio: Audio
    rate_hz: int
    windows: int


def generate_file(options: GenerateOptions, session: InferenceSession | None = None) -> Path:
    """Generates one sound and writes it: WAV or FLAC (16 bit), or MP4, MOV, MKV with the video's picture copied.

    Beside it lands `OUT.json`, which says what the sound was made from and which parts were placeholders.
    Raises UsageError (one line: what is wrong with which option), WeightsError (checkpoint), MismatchError (parts).
    Source: SPEC G1-G8.
    """
    options.check()
    session = session or InferenceSession.of(options)
    inputs = prepare(options, session)
    sound = make_sound(inputs)
    write_sound(options, sound.audio, sound.rate_hz)
    write_label(options, session, sampling_of(inputs), duration_s=inputs.duration_s, windows=sound.windows)
    return options.out


def prepare(options: GenerateOptions, session: InferenceSession) -> Inputs:
    """Checks an order against its files, before anything is generated. Raises UsageError."""
    options.check()
    for name, path in options.files().items():
        with naming(f"--{name.replace('_', '-')}"):
            require_file(path)
        if options.out.exists() and options.out.samefile(path):
            raise UsageError(
                f"--out {options.out} is the file that was given as --{name.replace('_', '-')}; "
                "it would be lost, give another name"
            )
    inputs = Inputs(options, session)
    if options.out.suffix.lower() in VIDEO_SUFFIXES:
        assert options.video is not None
        _ = inputs.duration_s  # a broken video is said to be broken before anything else
        require_picture_fits(options.video, options.out.suffix.lower())
    return inputs


def sampling_of(inputs: Inputs) -> Sampling:
    """Returns how an order is sampled: a reference's own video is the truth and is not hidden (DESIGN section 6)."""
    sampling = inputs.session.generator.sampling
    return replace(sampling, mask_surrogate=False) if inputs.options.reference_video is not None else sampling


def generator_for(inputs: Inputs) -> Generator:
    """Returns the session's generator with the order's sampling."""
    return replace(inputs.session.generator, sampling=sampling_of(inputs))


def make_sound(inputs: Inputs) -> Sound:
    """Generates one sound, in windows when it is long. Source: SPEC G1-G8."""
    o, generator = inputs.options, generator_for(inputs)

    def one(request: Request) -> Tensor:
        return generator.generate_each([request], steps=o.steps, cfg_scale=o.cfg_scale)[0]

    latent_NF = inputs.latent(one)
    return Sound(decoded(inputs, latent_NF), inputs.session.codec.spec.sample_rate_hz, window_count(inputs))


def make_sounds(inputs: Sequence[Inputs], requests: Sequence[Request]) -> list[Sound]:
    """Generates the single-window orders `inputs`, with equal sampling, in one go; `requests` are theirs."""
    generator, o = generator_for(inputs[0]), inputs[0].options
    latents = generator.generate_each(requests, steps=o.steps, cfg_scale=o.cfg_scale, batch_size=len(requests))
    rate_hz = inputs[0].session.codec.spec.sample_rate_hz
    return [
        Sound(decoded(mine, mine.merge(latent_NF)), rate_hz, 1) for mine, latent_NF in zip(inputs, latents, strict=True)
    ]


def window_count(inputs: Inputs) -> int:
    """Returns how many windows an order takes; an edit is one part, however long the sound."""
    return 1 if inputs.options.task == "edit" else len(inputs.windows)


def decoded(inputs: Inputs, latent_NF: Tensor) -> Audio:
    """Returns the sound of a latent, (T,) or (T, C), cut to the asked length. Raises FoleyGenExError on NaN."""
    codec = inputs.session.codec
    audio: Audio = decode_long(codec, latent_NF).numpy().T
    if not np.isfinite(audio).all():
        raise FoleyGenExError("the generated sound is not finite; the checkpoint is broken, train it again")
    return audio[: round(inputs.duration_s * codec.spec.sample_rate_hz)]


def write_sound(options: GenerateOptions, audio: Audio, rate_hz: int) -> None:
    """Writes samples (T,) or (T, C) in the format that the output's suffix names; equal samples give equal bytes."""
    audio = np.clip(audio, -1.0, 1.0)
    suffix = options.out.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        assert options.video is not None
        mux_sound(options.video, audio, rate_hz, options.out)
    elif suffix == ".flac":
        write_flac(options.out, audio, rate_hz)
    else:
        with atomic_path(options.out) as temporary:
            sf.write(temporary, audio, rate_hz, subtype="PCM_16", format="WAV")
