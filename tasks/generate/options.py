"""What a person may ask for, checked before anything is loaded. Source: SPEC G1-G7."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_contracts import UsageError
from model.generate import TASKS

SUFFIXES: Final = (".wav", ".flac", ".mp4")
MAX_DURATION_S: Final = 60.0

NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "tta": ("text",),
    "vta": ("video",),
    "tc-vta": ("video", "text"),
    "ac-vta": ("video", "reference_audio"),
    "fe": ("video",),
    "edit": ("window",),
}
MAY_HAVE: Final[dict[str, tuple[str, ...]]] = {
    "tta": (),
    "vta": ("text",),
    "tc-vta": (),
    "ac-vta": ("reference_video",),
    "fe": ("text", "reference_audio", "window"),
    "edit": ("text", "video", "reference_audio"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateOptions:
    """One command. `reference_audio`: ac-vta, the sound to imitate; fe, the segment to continue; edit, the old sound.

    For fe and edit it defaults to the video's own sound track; fe then generates from `window`'s start to its end.
    `codec`: name or path, by default the one that the checkpoint names.
    """

    task: str
    checkpoint: Path
    out: Path
    video: Path | None = None
    text: str | None = None
    reference_audio: Path | None = None
    reference_video: Path | None = None
    window: tuple[float, float] | None = None
    duration_s: float | None = None
    seed: int = 0
    steps: int = 25
    cfg_scale: float = 4.5
    codec: str | None = None

    def check(self) -> None:
        """Raises UsageError, naming the option, when the task cannot be done with what was given."""
        if self.task not in TASKS:
            raise UsageError(f"task {self.task!r} is unknown; choose one of {', '.join(TASKS)}")
        self._check_out()
        given = {
            "video": self.video,
            "text": (self.text or "").strip() or None,
            "reference_audio": self.reference_audio,
            "reference_video": self.reference_video,
            "window": self.window,
        }
        for name, value in given.items():
            option = f"--{name.replace('_', '-')}"
            if value is None and name in NEEDS[self.task]:
                raise UsageError(f"task {self.task} needs {option}")
            if value is not None and name not in NEEDS[self.task] + MAY_HAVE[self.task]:
                raise UsageError(f"task {self.task} takes no {option}")
        self._check_source()
        if self.duration_s is not None and not 0 < self.duration_s <= MAX_DURATION_S:
            raise UsageError(f"--duration {self.duration_s:g} s is outside 0..{MAX_DURATION_S:g}")
        if not 0 <= self.seed < 2**63:
            raise UsageError(f"--seed {self.seed} is outside 0..2^63-1")

    def _check_out(self) -> None:
        if self.out.suffix.lower() not in SUFFIXES:
            raise UsageError(f"--out {self.out.name}: the name must end in one of {', '.join(SUFFIXES)}")
        if self.out.suffix.lower() == ".mp4" and self.video is None:
            raise UsageError(f"--out {self.out.name}: an .mp4 needs --video for its picture; use .wav or .flac")

    def _check_source(self) -> None:
        if self.task == "fe" and (self.reference_audio is None) == (self.window is None):
            raise UsageError(
                "task fe needs either --reference-audio (the segment to continue) or --window START:END "
                "(the part of the video's own sound to generate)"
            )
        if self.task == "edit" and self.reference_audio is None and self.video is None:
            raise UsageError("task edit needs the sound to edit: --video with a sound track, or --reference-audio")


def parse_window(text: str) -> tuple[float, float]:
    """Returns (start, end) in seconds from `2.0:3.5`. Raises UsageError."""
    start, separator, end = text.partition(":")
    try:
        if not separator:
            raise ValueError
        return float(start), float(end)
    except ValueError as error:
        raise UsageError(f"--window {text!r}: expected START:END in seconds, e.g. 2.0:3.5") from error
