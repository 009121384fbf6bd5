"""What the page does, without the page: a form becomes options, options become files and one line of text."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from data_contracts import FoleyGenExError, UsageError
from data_contracts.generation import FILE_INPUTS, TASKS, Input
from tasks.commands.generate.options import GenerateOptions, parse_window
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.sidecar import level_line
from tasks.commands.generate.single import Generation, write_audio
from tasks.corpus.builtin import render, scenes
from tasks.corpus.config import CorpusConfig
from tasks.media.audio import read_audio, write_flac
from tasks.media.mux import require_copyable

FIELDS: Final = tuple(name for name in get_args(Input) if name != "surrogate")
"""The inputs that the page offers; its surrogate is always the variant's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageForm:
    """The page as filled in; files are paths, an empty field is None or blank."""

    task: str
    video: str | None = None
    text: str | None = None
    original: str | None = None
    reference_audio: str | None = None
    reference_video: str | None = None
    window: str | None = None
    duration_s: float | None = None
    seed: float = 0
    steps: float = 25
    cfg_scale: float = 4.5


@dataclass(frozen=True, slots=True, kw_only=True)
class FormResult:
    """What the page shows after a press of the button. `failed`: `message` is the problem, and there are no files.

    `warnings`: what is wrong with the audio all the same; they are part of the message too.
    """

    message: str
    warnings: tuple[str, ...] = ()
    audio: Path | None = None
    video: Path | None = None
    failed: bool = False


def fields_of(task: str) -> set[str]:
    """Returns the inputs that a task takes: what the page shows."""
    return {name for name in FIELDS if TASKS[task].takes(name)}


def options_of(form: PageForm, checkpoint: Path, out: Path) -> GenerateOptions:
    """Returns a form's options. What the task does not take (the old value of a field that is hidden now) is left out.

    Raises UsageError naming the field.
    """
    if form.task not in TASKS:
        raise UsageError(f"task {form.task!r} is unknown; choose one of {', '.join(TASKS)}")
    shown = fields_of(form.task)
    paths: dict[str, Any] = {
        name: Path(value) for name in FILE_INPUTS if name in shown and (value := getattr(form, name))
    }
    window = (form.window or "").strip() if "window" in shown else ""
    return GenerateOptions(
        task=form.task,
        checkpoint=checkpoint,
        out=out,
        text=form.text if "text" in shown else None,
        window=parse_window(window) if window else None,
        duration_s=form.duration_s or None,
        seed=_whole("seed", form.seed),
        steps=_whole("steps", form.steps),
        cfg_scale=float(form.cfg_scale),
        **paths,
    )


def run(form: PageForm, session: InferenceSession, folder: Path) -> FormResult:
    """Writes `audio.wav` and, with a video, the video with its new audio, into a new subfolder.

    Never raises for what a person filled in: the problem is the result's message, one line.
    """
    try:
        place = Path(tempfile.mkdtemp(prefix="result-", dir=folder))
        return _run(options_of(form, session.checkpoint, place / "audio.wav"), session)
    except (FoleyGenExError, ValueError, OSError) as error:
        return FormResult(message=" ".join(str(error).replace("--", "").split()), failed=True)


def _run(options: GenerateOptions, session: InferenceSession) -> FormResult:
    options.check()
    generation = Generation(options, session)
    audio = generation.run()
    written = generation.write(audio)
    video = None
    if options.video is not None:
        video = options.out.with_name(f"video{_container(options.video)}")
        write_audio(video, options.video, audio, session.specs.codec.sample_rate_hz)
    count = len(generation.windows)
    windows = "" if count == 1 else f" in {count} windows"
    message = (
        f"{TASKS[options.task].title}: {generation.duration_s:.1f} s{windows}, seed {options.seed}, "
        f"{options.steps} steps, guidance {options.cfg_scale:g}; {level_line(written)}"
    )
    warnings = tuple(written["warnings"])
    return FormResult(message=". ".join([message, *warnings]), warnings=warnings, audio=options.out, video=video)


def _container(video: Path) -> str:
    """Returns .mp4, which browsers play, or .mkv where that cannot hold the video's codec."""
    try:
        require_copyable(video, ".mp4")
    except UsageError:
        return ".mkv"
    return ".mp4"


def example_files(folder: Path) -> list[PageForm]:
    """Renders two built-in scenes and returns forms filled in with them."""
    first, second = (render(scene, folder) for scene in scenes(CorpusConfig())[:2])
    video = str(first.video_path)
    return [
        PageForm(task="vta", video=video, text=first.caption),
        PageForm(task="tc-vta", video=video, text="a dog barks"),
        PageForm(task="ac-vta", video=video, reference_audio=str(second.audio_path)),
        PageForm(task="fe", video=video, reference_audio=_beginning(first.audio_path, 2.5)),
        PageForm(task="edit", video=video, original=str(first.audio_path), window="2.0:3.5"),
        PageForm(task="tta", text=second.caption),
    ]


def _beginning(audio: Path, seconds: float) -> str:
    """Writes the first seconds of an audio file beside it and returns the path."""
    samples_T, rate_hz = read_audio(audio)
    out = audio.with_name(f"{audio.stem}_beginning.flac")
    write_flac(out, samples_T[: round(seconds * rate_hz)], rate_hz)
    return str(out)


def _whole(name: str, value: float) -> int:
    if value is None or float(value) != int(value):
        raise UsageError(f"{name} {value} is not a whole number")
    return int(value)
