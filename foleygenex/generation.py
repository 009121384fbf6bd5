"""A trained network and the six tasks it does, from files or arrays. Source: SPEC G1-G8.

Legend: T samples, C channels.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from data_contracts.errors import FoleyGenExError, UsageError
from data_contracts.generation import BUILTIN, TaskName
from foleygenex.media import Audio, AudioSource, Video, VideoSource, source_file
from tasks.commands.generate.options import GenerateOptions, with_option_names
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.single import Generation
from tasks.engine.settings import settings_from
from tasks.evaluate.sampling import SamplingSettings
from tasks.weights.checkpoints import resolved_checkpoint

_NAMES: Final = {"duration": "duration_s", "cfg": "cfg_scale"}
"""Options of the command line that have another name here; in the others a hyphen is an underscore."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeneratedAudio(Audio):
    """Generated audio, float32 (T,) or (T, C). `sidecar` says what it was made from: seed, settings, hashes of the
    inputs and weights, placeholders, level in dBFS and warnings. `path` is the file, when one was written."""

    sidecar: dict[str, Any]
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Model:
    """A checkpoint with its codec and encoders; `load` returns it. The encoders are loaded when first used."""

    session: InferenceSession

    @property
    def name(self) -> str:
        """`builtin`, or the checkpoint's file name."""
        return self.session.name

    @property
    def rate_hz(self) -> int:
        """Sample rate of what it generates."""
        return self.session.codec.spec.sample_rate_hz

    @property
    def clip_s(self) -> float:
        """Length of the training clips in seconds: what is generated where nothing else decides the length."""
        return self.session.clip_s

    @property
    def placeholders(self) -> list[str]:
        """Names of the small components that replace ones of the paper's system."""
        return self.session.specs.placeholders()

    @property
    def note(self) -> str:
        """One or two sentences: what it was trained on, and how far it is from the paper's system."""
        return self.session.note

    def generate(
        self,
        task: TaskName,
        *,
        video: VideoSource | None = None,
        text: str | None = None,
        negative: str | None = None,
        original: AudioSource | None = None,
        reference_audio: AudioSource | None = None,
        reference_video: VideoSource | None = None,
        surrogate: str | None = None,
        window: tuple[float, float] | None = None,
        duration_s: float | None = None,
        long: str = "auto",
        seed: int = 0,
        steps: int = 25,
        cfg_scale: float = 4.5,
        keep_source: bool = True,
        out: str | os.PathLike[str] | None = None,
        on_step: Callable[[int, int], None] | None = None,
    ) -> GeneratedAudio:
        """Returns the audio of one task: vta, tc-vta, ac-vta, fe, tta or edit. docs/generate.md says what each takes.

        Arguments mean the same as the options of `foleygenex generate`. `window` is (start, end) in seconds. `out`
        writes a .wav, .flac, .mp4, .mov or .mkv, the last three with the video's frames copied, and the JSON sidecar
        beside it; frames in memory are written to .mkv only, lossless. `on_step(done, total)` is called after each
        step; what it raises ends the generation. The same arguments and seed give the same samples.

        Raises UsageError naming the argument, and MismatchError when an encoder is not the checkpoint's.
        """
        if isinstance(video, Video) and out is not None and Path(out).suffix.lower() in (".mp4", ".mov"):
            raise UsageError(f"out {out}: frames in memory are written without loss, to .mkv; or give video as a file")
        for name, words in (("text", text), ("negative", negative)):
            if not isinstance(words, str | None):
                raise UsageError(f"{name} {words!r} is no text")
        with TemporaryDirectory() as temporary, _argument_names():
            folder = Path(temporary)

            def file(source: AudioSource | VideoSource | None, name: str) -> Path | None:
                return None if source is None else source_file(source, folder, name)

            options = GenerateOptions(
                task=task,
                checkpoint=self.session.checkpoint,
                out=folder / "audio.wav" if out is None else Path(out),
                video=file(video, "video"),
                text=text,
                negative=negative,
                original=file(original, "original"),
                reference_audio=file(reference_audio, "reference_audio"),
                reference_video=file(reference_video, "reference_video"),
                surrogate=surrogate,
                window=window,
                duration_s=duration_s,
                long=long,
                seed=seed,
                steps=steps,
                cfg_scale=cfg_scale,
                keep_source=keep_source,
            )
            options.check()
            generation = Generation(options, self.session, on_step)
            samples = generation.run()
            sidecar = generation.describe(samples) if out is None else generation.write(samples)
        return GeneratedAudio(
            samples=samples, rate_hz=self.rate_hz, sidecar=sidecar, path=None if out is None else Path(out)
        )


def load(
    checkpoint: str | os.PathLike[str] = BUILTIN,
    *,
    codec: str | None = None,
    variant: str | None = None,
    precision: str = "fp32",
    device: str = "auto",
    sampling: Mapping[str, Any] | None = None,
    accept_licence: bool = False,
) -> Model:
    """Loads a checkpoint: a file, `builtin`, or the name of a published network (docs/generate.md).

    `sampling` are interpretations of the paper, e.g. `{"edit_noise": 0.8}` (docs/model.md, Switches). `accept_licence`
    lets a published network be fetched, with its codec and encoders. Raises WeightsError (missing, or not a
    checkpoint), MismatchError (another codec, another variant's weights), UsageError (an unknown name or setting).
    """
    with _argument_names():
        chosen = settings_from(SamplingSettings, dict(sampling or {}), (), "sampling")
        file = resolved_checkpoint(Path(checkpoint), accepts_licence=accept_licence, named=variant)
        return Model(InferenceSession.open(file, codec, variant, sampling=chosen, precision=precision, device=device))


@contextmanager
def _argument_names() -> Iterator[None]:
    """Names the arguments in the messages of errors, in place of the command line's options; commands stay."""
    try:
        yield
    except FoleyGenExError as error:
        error.args = tuple(_with_arguments(one) if isinstance(one, str) else one for one in error.args)
        raise


def _with_arguments(message: str) -> str:
    parts = message.split("`")  # every second one is a command or a file's content
    parts[::2] = (with_option_names(one, lambda name: _NAMES.get(name, name.replace("-", "_"))) for one in parts[::2])
    return "`".join(parts)
