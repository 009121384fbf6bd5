"""What the page does, without the page: a form becomes options, options become files and one line of text."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, Final, get_args

from data_contracts import FoleyGenExError, UsageError
from data_contracts.generation import FILE_INPUTS, TASKS, Input
from tasks.commands.app.words import in_page_words, label
from tasks.commands.generate.options import GenerateOptions, parse_window
from tasks.commands.generate.outputs import sidecar_path, write_audio
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.sidecar import level_line
from tasks.commands.generate.single import Generation
from tasks.corpus.builtin import render, scenes
from tasks.corpus.config import CorpusConfig
from tasks.media.audio import read_audio, write_flac
from tasks.media.mux import require_copyable

log = logging.getLogger(__name__)

FIELDS: Final = tuple(name for name in get_args(Input) if name != "surrogate")
"""The inputs that the page offers; its surrogate is always the variant's."""
MAX_VARIANTS: Final = 4
CANCELLED: Final = "Cancelled."


class Cancelled(Exception):  # noqa: N818 - no error: somebody pressed the button
    """Ends a generation between two steps of the sampler."""


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
    negative: str | None = None
    variants: float | None = 1
    duration_s: float | None = None
    seed: float | None = 0
    steps: float | None = 25
    cfg_scale: float | None = 4.5

    @property
    def files(self) -> list[Path]:
        """The files that were given."""
        return [Path(value) for name in FILE_INPUTS if (value := getattr(self, name))]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormResult:
    """One variant as the page shows it. `failed`: `message` is the problem, and there are no files.

    `warnings`: what is wrong with the audio all the same; they are part of the message too. `sidecar`: the JSON that
    says what the audio was made from.
    """

    message: str
    warnings: tuple[str, ...] = ()
    audio: Path | None = None
    video: Path | None = None
    sidecar: Path | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """How far a variant is: both count from 1."""

    variant: int
    done: int
    total: int


def fields_of(task: str) -> set[str]:
    """Returns the inputs that a task takes: what the page shows."""
    return {name for name in FIELDS if TASKS[task].takes(name)}


def options_of(form: PageForm, checkpoint: Path, folder: Path, variant: int = 0) -> GenerateOptions:
    """Returns the options of a form's variant, whose seed is `variant` above the form's; its file is in `folder`.

    What the task does not take (the old value of a field that is hidden now) is left out. Raises UsageError naming the
    option.
    """
    if form.task not in TASKS:
        raise UsageError(f"task {form.task!r} is unknown; choose one of {', '.join(TASKS)}")
    shown = fields_of(form.task)
    paths: dict[str, Any] = {
        name: Path(value) for name in FILE_INPUTS if name in shown and (value := getattr(form, name))
    }
    seed = _whole("seed", form.seed) + variant
    window = (form.window or "").strip() if "window" in shown else ""
    return GenerateOptions(
        task=form.task,
        checkpoint=checkpoint,
        out=folder / f"{form.task}-seed-{seed}.wav",
        text=form.text if "text" in shown else None,
        negative=form.negative,
        window=parse_window(window) if window else None,
        duration_s=form.duration_s or None,
        seed=seed,
        steps=_whole("steps", form.steps),
        cfg_scale=_number("cfg", form.cfg_scale),
        **paths,
    )


def generate(form: PageForm, session: InferenceSession, folder: Path, stop: Event) -> Iterator[Step | FormResult]:
    """Yields each step and, when it is finished, each variant's result; ends early when one failed.

    `stop` ends it at the next step with a result that says so; so does closing the iterator. The work is done in a
    thread of its own, so that steps can be shown while it runs.
    """
    updates: SimpleQueue[Step | FormResult | None] = SimpleQueue()

    def work() -> None:
        try:
            for variant in range(variants_of(form)):
                if stop.is_set():
                    updates.put(FormResult(message=CANCELLED, failed=True))
                    return
                result = run(form, session, folder, variant=variant, on_step=reporter(variant + 1))
                updates.put(result)
                if result.failed:
                    return
        except UsageError as error:
            updates.put(_failed(error, form))
        finally:
            updates.put(None)

    def reporter(variant: int) -> Callable[[int, int], None]:
        def on_step(done: int, total: int) -> None:
            updates.put(Step(variant, done, total))
            if stop.is_set():
                raise Cancelled

        return on_step

    thread = Thread(target=work, name="foleygenex-page", daemon=True)
    thread.start()
    try:
        while (update := updates.get()) is not None:
            yield update
    finally:
        stop.set()
        thread.join()


def variants_of(form: PageForm) -> int:
    """Returns how many variants a form asks for. Raises UsageError outside of 1..4."""
    count = _whole("variants", form.variants)
    if not 1 <= count <= MAX_VARIANTS:
        raise UsageError(f"“Variants” {count} is outside 1..{MAX_VARIANTS}")
    return count


def run(
    form: PageForm,
    session: InferenceSession,
    folder: Path,
    *,
    variant: int = 0,
    on_step: Callable[[int, int], None] | None = None,
) -> FormResult:
    """Writes audio, its sidecar and, with a video, the video with its new audio, into a new subfolder.

    Raises nothing: the problem is the result's message, one line in the page's words.
    """
    try:
        place = Path(tempfile.mkdtemp(prefix="result-", dir=folder))
        return _run(options_of(form, session.checkpoint, place, variant), session, on_step)
    except Cancelled:
        return FormResult(message=CANCELLED, failed=True)
    except (FoleyGenExError, ValueError, OSError) as error:
        return _failed(error, form)
    except Exception as error:  # a library's or the device's: the page goes on, the terminal has the details
        log.exception("the page's generation failed")
        return FormResult(message=f"Unexpected problem: {' '.join(str(error).split())[:200]}", failed=True)


def _failed(error: Exception, form: PageForm) -> FormResult:
    return FormResult(message=in_page_words(str(error), form.files), failed=True)


def _run(options: GenerateOptions, session: InferenceSession, on_step: Callable[[int, int], None] | None) -> FormResult:
    options.check()
    generation = Generation(options, session, on_step)
    audio = generation.run()
    written = generation.write(audio)
    video = None
    if options.video is not None:
        video = options.out.with_suffix(_container(options.video))
        write_audio(video, options.video, audio, session.specs.codec.sample_rate_hz)
    count = len(generation.windows)
    windows = "" if count == 1 else f" in {count} windows"
    message = (
        f"{TASKS[options.task].title}: {generation.duration_s:.1f} s{windows}, seed {options.seed}, "
        f"{options.steps} steps, guidance {options.cfg_scale:g}; {level_line(written)}"
    )
    warnings = tuple(written["warnings"])
    return FormResult(
        message="; ".join([message, *warnings]),
        warnings=warnings,
        audio=options.out,
        video=video,
        sidecar=sidecar_path(options.out),
    )


def _container(video: Path) -> str:
    """Returns .mp4, which browsers play, or .mkv where that cannot hold the video's codec."""
    try:
        require_copyable(video, ".mp4")
    except UsageError:
        return ".mkv"
    return ".mp4"


def example_files(folder: Path) -> list[PageForm]:
    """Renders two built-in scenes, louder than others, and returns forms filled in with them."""
    first, second = (render(scene, folder) for scene in scenes(CorpusConfig())[1:4:2])
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
    samples_T, rate_hz = read_audio(audio, most_s=seconds)
    out = audio.with_name(f"{audio.stem}_beginning.flac")
    write_flac(out, samples_T, rate_hz)
    return str(out)


def _whole(name: str, value: float | None) -> int:
    number = _number(name, value)
    if number != int(number):
        raise UsageError(f"“{label(name)}” {number:g} is not a whole number")
    return int(number)


def _number(name: str, value: float | None) -> float:
    if value is None:
        raise UsageError(f"“{label(name)}” is empty; give a number")
    return float(value)
