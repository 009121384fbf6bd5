"""One command from files to a sound track: the checkpoint says which codec and encoders belong to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile as sf

from data_contracts import MismatchError
from model.codec import load_codec
from model.generate import Generator, Sampling
from tasks.audio_io import write_flac
from tasks.generate.inputs import Inputs
from tasks.generate.options import GenerateOptions, parse_window
from tasks.train.job import choose_device
from tasks.video_io import mux_audio
from tasks.workspace import atomic_path

__all__ = ["GenerateOptions", "generate_file", "parse_window"]


def generate_file(options: GenerateOptions) -> Path:
    """Generates one sound and writes it: WAV or FLAC (16 bit), or MP4 with the video's picture copied bit for bit.

    Raises UsageError (one line: what is wrong with which option), WeightsError (checkpoint), MismatchError (parts).
    Source: SPEC G1-G7.
    """
    options.check()
    # A given reference video is the truth, not a stand-in that has to be hidden (DESIGN section 6, G4 sync).
    sampling = Sampling(mask_surrogate=options.reference_video is None)
    generator = Generator.load(options.checkpoint, device=choose_device("auto"), sampling=sampling)
    assert generator.info is not None
    codec = load_codec(options.codec or generator.specs.codec.name)
    if codec.spec != generator.specs.codec:
        raise MismatchError(
            f"codec: the checkpoint was trained on {generator.specs.codec.name} "
            f"({generator.specs.codec.weights_sha256[:12]}), loaded is {codec.spec.name} "
            f"({codec.spec.weights_sha256[:12]}); give the right one with --codec"
        )
    request = Inputs(options, generator.specs, generator.info.clip_s, codec).request()
    latent_BNF = generator.generate([request], steps=options.steps, cfg_scale=options.cfg_scale)
    samples = round(request.duration_s * codec.spec.sample_rate_hz)
    audio_T = codec.decode(latent_BNF)[0].cpu().numpy()[:samples]
    write_sound(options, audio_T, codec.spec.sample_rate_hz)
    return options.out


def write_sound(options: GenerateOptions, audio_T: npt.NDArray[np.float32], rate_hz: int) -> None:
    """Writes samples (T,) in the format that the output's suffix names; equal samples give equal bytes."""
    audio_T = np.clip(audio_T, -1.0, 1.0)
    suffix = options.out.suffix.lower()
    if suffix == ".mp4":
        assert options.video is not None
        mux_audio(options.video, audio_T, rate_hz, options.out)
    elif suffix == ".flac":
        write_flac(options.out, audio_T, rate_hz)
    else:
        with atomic_path(options.out) as temporary:
            sf.write(temporary, audio_T, rate_hz, subtype="PCM_16", format="WAV")
