"""Two folders of audio compared clip by clip: generated files with the true ones of the same name. Source: SPEC E2."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from data_contracts import ItemError, UsageError
from data_contracts.quantities import counted
from tasks.evaluate.clip_metrics import ScoredPart, Target, measure_part, score_clip
from tasks.evaluate.metrics.catalogue import METRICS
from tasks.evaluate.timbre import Timbre
from tasks.media.audio import DecodedAudio, decode_audio

SUFFIXES: Final = (
    ".aac", ".aif", ".aiff", ".avi", ".flac", ".flv", ".m4a", ".mkv", ".mov", ".mp3", ".mp4", ".mpg", ".oga", ".ogg",
    ".opus", ".ts", ".wav", ".webm", ".wma", ".wmv",
)  # fmt: skip
"""Files with another ending, sidecars for example, are passed over."""

TIMBRE_CLIPS: Final = 8
"""With fewer audible true clips there is no Timbre-cos: it is z-scored by their mean and deviation."""

Scores = dict[str, dict[str, float]]
"""Clip -> metric -> value. A metric that is undefined for a clip is absent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderScores:
    """Scores of each clip, by its file's name without the ending.

    `shuffled` are the same metrics of another clip's true audio: what is reached without looking at the right video.
    """

    clips: Scores
    shuffled: Scores

    def summary(self) -> dict[str, float]:
        """Returns metric -> mean over the clips that have it, or the median of levels and their differences."""
        return _summary(self.clips)

    def shuffled_summary(self) -> dict[str, float]:
        """Returns the same of `shuffled`."""
        return _summary(self.shuffled)


def score_folders(
    generated: Path, truth: Path, *, events_s: Mapping[str, Sequence[float]] | None = None
) -> FolderScores:
    """Compares each file of `truth` with the file of `generated` that has its name, whatever both endings are.

    A generated clip is cut, or continued with silence, to the true one's length. `events_s`: the true event times of a
    clip in seconds, by name; without them there is no EventF1. Raises UsageError when a file is missing, cannot be
    decoded or is not unique, or when nothing is to be compared.
    """
    true_files, made_files = _files(truth), _files(generated)
    events_s = events_s or {}
    _require_pairs(true_files, made_files, events_s, generated, truth)
    lengths, truths = {}, {}
    for name, path in true_files.items():
        audio = _decoded(path)
        lengths[name], truths[name] = audio.duration_s, _measured(audio, audio.duration_s)
    vectors = [part.timbre for part in truths.values() if part.timbre is not None]
    timbre = Timbre.fit(vectors) if len(vectors) >= TIMBRE_CLIPS else None
    names = list(truths)
    clips: Scores = {}
    shuffled: Scores = {}
    for name, other in zip(names, [*names[1:], *names[:1]], strict=True):
        made = _measured(_decoded(made_files[name]), lengths[name])
        clips[name] = _scores(made, truths[name], events_s.get(name), timbre)
        if other != name:
            another = _measured(_decoded(true_files[other]), lengths[name])
            shuffled[name] = _scores(another, truths[name], events_s.get(name), timbre)
    return FolderScores(clips=clips, shuffled=shuffled)


def _scores(
    part: ScoredPart, truth: ScoredPart, events_s: Sequence[float] | None, timbre: Timbre | None
) -> dict[str, float]:
    events = None if events_s is None else tuple(events_s)
    return score_clip(Target(truth=truth, events_s=events, timbre=timbre, reference=truth.timbre), part)


def _measured(audio: DecodedAudio, duration_s: float) -> ScoredPart:
    return measure_part(audio.samples_T, audio.rate_hz, 0.0, duration_s)


def _decoded(path: Path) -> DecodedAudio:
    try:
        return decode_audio(path)
    except ItemError as error:
        raise UsageError(f"{path}: {error.message}") from error


def _files(folder: Path) -> dict[str, Path]:
    """Returns the media files of a folder by name without the ending. Raises UsageError."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; expected one with audio files")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in found:
            raise UsageError(f"{folder} has {found[path.stem].name} and {path.name}; one file per name is expected")
        found[path.stem] = path
    if not found:
        raise UsageError(f"{folder} has no audio file ({', '.join(SUFFIXES)})")
    return found


def _require_pairs(
    truths: Mapping[str, Path],
    made: Mapping[str, Path],
    events_s: Mapping[str, Sequence[float]],
    generated: Path,
    truth: Path,
) -> None:
    missing = sorted(truths.keys() - made.keys())
    if missing:
        count = counted(len(missing), "file")
        raise UsageError(
            f"{generated} lacks {count} that {truth} has: {', '.join(missing[:3])}{' ...' * (len(missing) > 3)}"
        )
    unknown = sorted(events_s.keys() - truths.keys())
    if unknown:
        raise UsageError(f"events_s names {unknown[0]!r}, and {truth} has no such file")


def _summary(clips: Scores) -> dict[str, float]:
    values: defaultdict[str, list[float]] = defaultdict(list)
    for scores in clips.values():
        for metric, value in scores.items():
            values[metric].append(value)
    known = [metric for metric in METRICS if metric in values]
    return {
        metric: float(np.median(values[metric]) if METRICS[metric].is_median else np.mean(values[metric]))
        for metric in known
    }
