"""One judge over all systems and clips: the values of single clips, and the feature rows that set metrics need.

Clips are taken some at a time, so that what a judge says of a clip, some of it large, is not in memory for long.

Legend: R rows, D width.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from model.judges import TextJudge, VideoJudge
from model.judges.protocols import JudgeSpec
from tasks.commands.evaluate.clips import Clip, SystemSounds
from tasks.commands.evaluate.signal import ClipValues
from tasks.engine.progress import OnProgress
from tasks.evaluate import baselines
from tasks.evaluate.columns import Column, Measure, columns_of
from tasks.evaluate.judged import FeatureSet, clip_values, feature_set
from tasks.evaluate.judging import CachedJudge, Said

_AT_A_TIME: Final = 64  # clips
_NO_CAPTION, _NO_VIDEO = "no caption", "no video"
NEEDS: Final = {"text": "--captions", "video": "--video", "desync": "--video"}
"""Measure -> the option that gives what the audio is compared with."""


def is_given(measure: Measure, clip: Clip) -> bool:
    """Whether a clip has what a measure compares its audio with; all have the reference."""
    if measure == "text":
        return clip.caption is not None
    return measure not in ("video", "desync") or clip.video is not None


@dataclass(frozen=True, slots=True)
class JudgeRun:
    """What one judge gave. `values` and `features` are by system; features by output, of the outputs that sets need.

    `refused`: system -> why the judge said nothing of a clip, of the first such clip.
    """

    spec: JudgeSpec
    columns: tuple[Column, ...]
    values: dict[str, ClipValues] = field(default_factory=dict)
    features: dict[str, dict[str, FeatureSet]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def run_judge(
    asked: CachedJudge,
    clips: Sequence[Clip],
    systems: Sequence[SystemSounds],
    on_progress: OnProgress,
    only: Collection[str] = (),
) -> JudgeRun:
    """Asks a judge about every clip of every system, and about captions and videos where a column needs them."""
    columns = columns_of(asked.name, only)
    run = JudgeRun(asked.judge.spec, columns)
    blocks: dict[tuple[str, str], list[Said]] = {}
    outputs = sorted({column.output for column in columns if not column.is_per_clip})
    for start in range(0, len(clips), _AT_A_TIME):
        on_progress(start, len(clips), asked.name)
        part = slice(start, start + _AT_A_TIME)
        others = _others(asked, columns, clips[part], systems, part)
        for system in systems:
            said = asked.hear(system.sounds[part])
            _note_refusal(run, system.name, said)
            for column in columns:
                if column.is_per_clip and column.measure in others:
                    found = clip_values(column, asked.judge, said, others[column.measure])
                    values = run.values.setdefault(system.name, {}).setdefault(column.name, {})
                    values.update({start + place: value for place, value in found.items()})
            for output in outputs:
                slim: list[Said] = [one if isinstance(one, str) else {output: one[output]} for one in said]
                blocks.setdefault((system.name, output), []).extend(slim)
    for (system_name, output), kept in blocks.items():
        run.features.setdefault(system_name, {})[output] = feature_set(kept, output)
    on_progress(len(clips), len(clips), asked.name)
    return run


def _others(
    asked: CachedJudge,
    columns: Sequence[Column],
    clips: Sequence[Clip],
    systems: Sequence[SystemSounds],
    part: slice,
) -> dict[str, Sequence[Said]]:
    """Returns by measure what the judge says of what the audio is compared with; only of measures that can be made."""
    truths = next(system for system in systems if system.name == baselines.TRUTH).sounds[part]
    found: dict[str, Sequence[Said]] = {}
    videos: Sequence[Said] | None = None
    for measure in dict.fromkeys(column.measure for column in columns if column.is_per_clip):
        if not any(is_given(measure, clip) for clip in clips):
            continue
        if measure == "text":
            if isinstance(asked.judge, TextJudge):
                found[measure] = _captions(asked, clips)
        elif measure in ("video", "desync"):
            if isinstance(asked.judge, VideoJudge):
                videos = _videos(asked, clips) if videos is None else videos
                found[measure] = videos
        else:
            found[measure] = asked.hear(truths)
    return found


def _captions(asked: CachedJudge, clips: Sequence[Clip]) -> list[Said]:
    read = iter(asked.read([clip.caption for clip in clips if clip.caption is not None]))
    return [_NO_CAPTION if clip.caption is None else next(read) for clip in clips]


def _videos(asked: CachedJudge, clips: Sequence[Clip]) -> list[Said]:
    return [
        _NO_VIDEO if clip.video is None else asked.see(clip.video.path, clip.video.sha256, clip.duration_s)
        for clip in clips
    ]


def _note_refusal(run: JudgeRun, system: str, said: Sequence[Said]) -> None:
    for one in said:
        if isinstance(one, str):
            run.refused.setdefault(system, one)
            return
