"""The options of one audio file, checked before any weights are loaded. Source: SPEC G1-G8."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, get_args

from data_contracts import ItemError, UsageError
from data_contracts.files import require_writable
from data_contracts.generation import FILE_INPUTS, TASKS, Input
from model.variants import Surrogate
from tasks.commands.generate.outputs import AUDIO_SUFFIXES, require_replaceable
from tasks.evaluate.sampling import SamplingSettings
from tasks.media.checks import require_file
from tasks.media.mux import VIDEO_SUFFIXES, require_copyable

SUFFIXES: Final = (*AUDIO_SUFFIXES, *VIDEO_SUFFIXES)
MAX_DURATION_S: Final = 1800.0
MAX_SINGLE_S: Final = 30.0  # one window: attention over all frames at once
WINDOWS_FROM: Final = 1.5  # times the training clip; up to there a single window stays near what training showed

SURROGATES: Final = get_args(Surrogate)
"""What replaces the reference's own video, SPEC G4 and G8; `true` whenever `reference_video` is given."""

_BLANK_LETTERS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters by category, shown as nothing

_OPTION: Final = re.compile(r"(?<![\w-])--([a-z][a-z-]*[a-z])")

Long = Literal["auto", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateOptions:
    """One audio file. `checkpoint`: a file, or `builtin`. `reference_audio`: ac-vta and edit, the audio to imitate; fe,
    the segment to continue.

    `original`: edit, the audio to change; by default the video's own. fe without a reference continues the video's own
    audio from the window's start to its end. `surrogate` None: the reference's own video when given, else as the
    variant says. `variant`: a named configuration (SPEC M12, G8), by default the one that was trained. `long` "off":
    one window, whatever the length. `codec`: name or path, by default the one that the checkpoint names. `sampling`:
    interpretations of the paper that replace the variant's. `precision` bf16: the network under autocast, for GPUs.
    `device`: auto (a GPU where there is one), cpu, cuda or cuda:1.
    `negative`: what it should not sound like, for any task; guidance moves away from it.
    `video_from_s`: vta, the second of the video at which the result starts. `context_video`: fe, what the network sees
    in place of the video while the given audio sounds; None: the video.
    `keep_source`: edit and fe, outside of what is generated the source's own samples, else the codec's round trip.
    """

    task: str
    checkpoint: Path
    out: Path
    video: Path | None = None
    text: str | None = None
    negative: str | None = None
    original: Path | None = None
    reference_audio: Path | None = None
    reference_video: Path | None = None
    window: tuple[float, float] | None = None
    duration_s: float | None = None
    surrogate: str | None = None
    long: str = "auto"
    seed: int = 0
    steps: int = 25
    cfg_scale: float = 4.5
    codec: str | None = None
    variant: str | None = None
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    precision: str = "fp32"
    device: str = "auto"
    keep_source: bool = True
    video_from_s: float = 0.0
    context_video: Literal["crop", "blank", "repeat"] | None = None

    @property
    def prompt(self) -> str | None:
        """The text without blanks around it; None when it has no visible character."""
        return _visible(self.text)

    @property
    def negative_prompt(self) -> str | None:
        """The negative prompt, as `prompt`."""
        return _visible(self.negative)

    def files(self) -> dict[str, Path]:
        """Returns the files that were given, by the field's name."""
        return {name: path for name in FILE_INPUTS if (path := getattr(self, name)) is not None}

    def check(self) -> None:
        """Raises UsageError, naming the option, when the task cannot be done with what was given.

        Files must be there and not be the output; a video whose frames the output cannot hold is refused.
        """
        if self.task not in TASKS:
            raise UsageError(f"task {self.task!r} is unknown; choose one of {', '.join(TASKS)}")
        self._check_out()
        self._check_inputs()
        self._check_source()
        self._check_numbers()
        self._check_files()

    def _check_out(self) -> None:
        if self.out.suffix.lower() not in SUFFIXES:
            raise UsageError(f"--out {self.out.name}: the name must end in one of {', '.join(SUFFIXES)}")
        if self.out.suffix.lower() in VIDEO_SUFFIXES and self.video is None:
            raise UsageError(
                f"--out {self.out.name}: a {self.out.suffix.lower()} needs --video for its frames; use .wav or .flac"
            )
        if self.out.is_dir():
            raise UsageError(f"--out {self.out} is a folder; give the name of a file in it")
        require_replaceable(self.out)
        try:
            require_writable(self.out.parent)
        except OSError as error:
            raise UsageError(f"--out {self.out}: nothing can be written there ({error.strerror})") from error

    def _check_inputs(self) -> None:
        task = TASKS[self.task]
        for name in get_args(Input):
            value = self.prompt if name == "text" else getattr(self, name)
            option = f"--{name.replace('_', '-')}"
            if value is None and name in task.inputs:
                raise UsageError(f"task {self.task} needs {option}")
            if value is not None and not task.takes(name):
                raise UsageError(f"task {self.task} takes no {option}")

    def _check_source(self) -> None:
        if self.task == "fe" and (self.reference_audio is None) == (self.window is None):
            raise UsageError(
                "task fe needs either --reference-audio (the segment to continue) or --window START:END "
                "(the part of the video's own audio to generate)"
            )
        if self.task == "edit" and self.original is None and self.video is None:
            raise UsageError("task edit needs the audio to edit: --original, or --video with audio")
        if self.task == "edit" and self.reference_audio is not None and self.prompt is not None:
            raise UsageError("task edit follows --text or imitates --reference-audio; give one of them")
        if self.reference_video is not None and self.reference_audio is None:
            raise UsageError("--reference-video is the video of --reference-audio; give both")
        if self.surrogate is not None and self.surrogate not in SURROGATES:
            raise UsageError(f"--surrogate {self.surrogate!r} is unknown; choose one of {', '.join(SURROGATES)}")
        if self.video_from_s and (self.task != "vta" or self.out.suffix.lower() not in AUDIO_SUFFIXES):
            raise UsageError("a result that starts inside the video is audio alone, of task vta")
        if self.context_video is not None and self.task != "fe":
            raise UsageError(f"task {self.task} continues no audio, so there is no video to put in place of its video")
        if self.surrogate is not None and (self.surrogate == "true") != (self.reference_video is not None):
            raise UsageError("--surrogate true and --reference-video belong together")

    def _check_numbers(self) -> None:
        if self.duration_s is not None and not 0 < self.duration_s <= MAX_DURATION_S:
            raise UsageError(f"--duration {self.duration_s:g} s is outside 0..{MAX_DURATION_S:g}")
        if not 0 <= self.seed < 2**63:
            raise UsageError(f"--seed {self.seed} is outside 0..2^63-1")
        if self.steps < 1 or not 1.0 <= self.cfg_scale < float("inf"):
            raise UsageError(f"--steps {self.steps} and --cfg {self.cfg_scale:g} must both be at least 1")
        if self.negative_prompt is not None and self.cfg_scale == 1.0:
            raise UsageError("--negative acts through guidance, which --cfg 1 switches off; give --cfg above 1")
        if self.long not in get_args(Long):
            raise UsageError(f"--long {self.long!r} is unknown; choose one of {', '.join(get_args(Long))}")

    def _check_files(self) -> None:
        for name, path in self.files().items():
            option = f"--{name.replace('_', '-')}"
            with naming(option):
                require_file(path)
            if self.out.exists() and self.out.samefile(path):
                raise UsageError(
                    f"--out {self.out} is the file that was given as {option}; it would be lost, give another name"
                )
        if self.video is not None and self.out.suffix.lower() in VIDEO_SUFFIXES:
            with naming("--video"):
                require_copyable(self.video, self.out.suffix.lower())


def _visible(text: str | None) -> str | None:
    stripped = (text or "").strip()
    return stripped if any(map(_is_visible, stripped)) else None


def _is_visible(character: str) -> bool:
    """Whether a letter, number, punctuation mark or symbol is shown; marks alone combine with nothing."""
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANK_LETTERS


@contextmanager
def naming(option: str) -> Iterator[None]:
    """Turns the ItemError of a file that cannot be read into a UsageError that names the option."""
    try:
        yield
    except ItemError as error:
        raise UsageError(f"{option}: {error.message}") from error


def with_option_names(message: str, name_of: Callable[[str], str]) -> str:
    """Returns a message with the options that it names, such as --seed, replaced by `name_of("seed")`."""
    return _OPTION.sub(lambda found: name_of(found[1]), message)


def parse_window(text: str) -> tuple[float, float]:
    """Returns (start, end) in seconds from `2.0:3.5`. Raises UsageError."""
    start, separator, end = text.partition(":")
    try:
        if not separator:
            raise ValueError
        window = float(start), float(end)
    except ValueError as error:
        raise UsageError(f"--window {text!r}: expected START:END in seconds, e.g. 2.0:3.5") from error
    if not 0 <= window[0] < window[1] < float("inf"):
        raise UsageError(f"--window {text!r}: START must be at least 0 and before END")
    return window
