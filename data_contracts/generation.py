"""The six generation tasks: what each takes, needs and ignores, with a title and one line for people. SPEC G1-G6.

Also the names of checkpoints that are no file's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

TaskName = Literal["vta", "tc-vta", "ac-vta", "fe", "tta", "edit"]

Condition = Literal["text", "clip", "sync", "reference", "reference_sync", "original", "window"]
"""What the network is conditioned on: a prompt, the video's semantics, its synchronisation features, reference audio
and the features of its video; for an edit also the audio to change and the time window to regenerate."""

Input = Literal["video", "text", "original", "reference_audio", "reference_video", "surrogate", "window"]
"""What a person gives: the options of the command, the columns of a jobs table, the fields of the page."""

FILE_INPUTS: Final[tuple[Input, ...]] = ("video", "original", "reference_audio", "reference_video")


BUILTIN: Final = "builtin"
"""Name of the checkpoint that is part of the package; it was trained on the rendered sounds of the built-in corpus."""
TRAINED: Final = "trained"
"""Name of a run's own training among the checkpoints that it evaluates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationTask:
    """One task. A condition that is in neither `needs` nor `may_use` is ignored: the network gets zeros for it.

    `inputs` must be given; of `optional` a task may ask for one of several (fe: reference audio or a window; edit: the
    original audio or a video with audio).
    """

    title: str
    help: str
    needs: tuple[Condition, ...]
    may_use: tuple[Condition, ...] = ()
    inputs: tuple[Input, ...]
    optional: tuple[Input, ...] = ()

    def uses(self, condition: Condition) -> bool:
        """Whether the task looks at a condition at all."""
        return condition in self.needs or condition in self.may_use

    def takes(self, name: Input) -> bool:
        """Whether the input may be given."""
        return name in self.inputs or name in self.optional


TASKS: Final[Mapping[str, GenerationTask]] = {
    "vta": GenerationTask(  # SPEC G2
        title="Video to audio",
        help="The video decides what is heard and when; a prompt is optional.",
        needs=("clip", "sync"),
        may_use=("text",),
        inputs=("video",),
        optional=("text",),
    ),
    "tc-vta": GenerationTask(  # SPEC G3
        title="Text-controlled video to audio",
        help="The video decides when, the prompt what is heard, even against what the video shows.",
        needs=("text", "sync"),
        inputs=("video", "text"),
    ),
    "ac-vta": GenerationTask(  # SPEC G4
        title="Audio-controlled video to audio",
        help="The video decides when, reference audio what it sounds like.",
        needs=("sync", "reference", "reference_sync"),
        inputs=("video", "reference_audio"),
        optional=("reference_video", "surrogate"),
    ),
    "fe": GenerationTask(  # SPEC G5
        title="Foley extension",
        help="Continues audio in sync with the video: a recording of its beginning, or what the video's own audio "
        "has before the window.",
        needs=("clip", "sync", "reference"),
        may_use=("text",),
        inputs=("video",),
        optional=("text", "reference_audio", "window"),
    ),
    "tta": GenerationTask(  # SPEC G1
        title="Text to audio",
        help="A prompt alone decides what is heard.",
        needs=("text",),
        inputs=("text",),
    ),
    # An edit follows the rules of ac-vta, tc-vta or fe (`model.requests.leading_task`).
    "edit": GenerationTask(  # SPEC G6
        title="Editing",
        help="Regenerates one window of existing audio and keeps the rest; a prompt or reference audio leads, else "
        "the video and the audio around the window.",
        needs=("original", "window"),
        may_use=("clip", "sync", "text", "reference", "reference_sync"),
        inputs=("window",),
        optional=("text", "video", "original", "reference_audio", "reference_video", "surrogate"),
    ),
}
"""By name (`TaskName`), in the order in which tables and pages list them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseGroup:
    """Evaluation cases that are scored together: a task, with all its conditions or some of them."""

    task: TaskName
    title: str
    help: str


VIDEO_ONLY: Final = "vta-no-text"
CASE_GROUPS: Final[Mapping[str, CaseGroup]] = {
    "vta": CaseGroup(task="vta", title=TASKS["vta"].title, help="The video and the clip's own caption."),
    VIDEO_ONLY: CaseGroup(
        task="vta", title="Video to audio, without text", help="The video alone decides what is heard and when."
    ),
    **{
        name: CaseGroup(task=name, title=TASKS[name].title, help=TASKS[name].help)
        for name in get_args(TaskName)
        if name not in ("vta", "edit")
    },
}
"""By name, in the order of the score tables. Editing is not scored."""
