"""What the page does, without the page: a form becomes an order, an order becomes files and one line of words."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, get_args

from data_contracts import FoleyGenExError, UsageError
from data_contracts.generation import FILE_INPUTS, TASKS, Input
from tasks.commands.generate.job import make_sound, prepare, sampling_of, write_sound
from tasks.commands.generate.label import note, write_label
from tasks.commands.generate.options import GenerateOptions, parse_window
from tasks.commands.generate.session import InferenceSession
from tasks.corpus.builtin import render, scenes
from tasks.corpus.config import CorpusConfig
from tasks.media.audio import read_audio, write_flac
from tasks.media.mux import require_picture_fits

log = logging.getLogger(__name__)

FIELDS: Final = tuple(name for name in get_args(Input) if name != "surrogate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The page as filled in; files are paths, an empty field is None or blank."""

    task: str
    video: str | None = None
    text: str | None = None
    original: str | None = None
    reference_audio: str | None = None
    reference_video: str | None = None
    window: str | None = None
    duration_s: float | None = None
    seed: int = 0
    steps: int = 25
    cfg_scale: float = 4.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemResult:
    """What a press of the button gave. `problem`: one line; then there are no files."""

    words: str
    sound: Path | None = None
    film: Path | None = None
    problem: bool = False


def fields_of(task: str) -> set[str]:
    """Returns the inputs that a task takes: what the page shows."""
    return {name for name in FIELDS if TASKS[task].takes(name)}


def needs(task: str, field: str) -> bool:
    """Returns whether a task cannot do without an input."""
    return field in TASKS[task].inputs


def choices() -> list[tuple[str, str]]:
    """Returns (title, task) of every task."""
    return [(task.title, name) for name, task in TASKS.items()]


def order_of(form: Form, checkpoint: Path, out: Path) -> GenerateOptions:
    """Returns the order of a form; what the task does not take (a hidden field's old value) is left out.

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


def run(form: Form, session: InferenceSession, folder: Path) -> ItemResult:
    """Generates and writes `sound.wav` and, with a video, the film with its new sound, into a new subfolder.

    Never raises for what a person filled in: the problem is the outcome's one line.
    """
    try:
        place = Path(tempfile.mkdtemp(prefix="sound-", dir=folder))
        return _run(order_of(form, session.checkpoint, place / "sound.wav"), session)
    except (FoleyGenExError, ValueError, OSError) as error:
        return ItemResult(words=" ".join(str(error).replace("--", "").split()), problem=True)


def _run(order: GenerateOptions, session: InferenceSession) -> ItemResult:
    inputs = prepare(order, session)
    sound = make_sound(inputs)
    write_sound(order, sound.audio, sound.rate_hz)
    write_label(order, session, sampling_of(inputs), duration_s=inputs.duration_s, windows=sound.windows)
    film = None
    if order.video is not None:
        film = order.out.with_name(f"film{_container(order.video)}")
        write_sound(replace(order, out=film), sound.audio, sound.rate_hz)
    windows = "" if sound.windows == 1 else f" in {sound.windows} windows"
    words = f"{TASKS[order.task].title}: {inputs.duration_s:.1f} s{windows}, seed {order.seed}, {order.steps} steps, "
    return ItemResult(words=f"{words}guidance {order.cfg_scale:g}", sound=order.out, film=film)


def _container(video: Path) -> str:
    """Returns .mp4, which browsers play, or .mkv where that cannot hold the picture."""
    try:
        require_picture_fits(video, ".mp4")
    except UsageError:
        return ".mkv"
    return ".mp4"


def about(session: InferenceSession) -> str:
    """Returns the label that the page shows all the time: how far this is from the paper's system."""
    return note(session)


def example_files(folder: Path) -> list[Form]:
    """Renders a built-in scene and returns forms filled in with it."""
    first, second = (render(scene, folder) for scene in scenes(CorpusConfig())[:2])
    video = str(first.video_path)
    return [
        Form(task="vta", video=video, text=first.caption),
        Form(task="tc-vta", video=video, text="a dog barks"),
        Form(task="ac-vta", video=video, reference_audio=str(second.audio_path)),
        Form(task="fe", video=video, reference_audio=_beginning(first.audio_path, 2.5)),
        Form(task="edit", video=video, original=str(first.audio_path), window="2.0:3.5"),
        Form(task="tta", text=second.caption),
    ]


def _beginning(sound: Path, seconds: float) -> str:
    """Writes the first seconds of a sound beside it."""
    samples_T, rate_hz = read_audio(sound)
    out = sound.with_name(f"{sound.stem}_beginning.flac")
    write_flac(out, samples_T[: round(seconds * rate_hz)], rate_hz)
    return str(out)


def _whole(name: str, value: float) -> int:
    if value is None or float(value) != int(value):
        raise UsageError(f"{name} {value} is not a whole number")
    return int(value)
