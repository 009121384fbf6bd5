"""The files of an evaluation by clip: generated, reference and video files, captions, groups, categories, events.

A clip is a file's name without its ending, whatever its length: names are compared whole and never cut.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from data_contracts import UsageError
from tasks.commands.evaluate.options import ALL_CLIPS, REFERENCE, EvaluateOptions
from tasks.commands.evaluate.problems import Problem
from tasks.commands.spreadsheet import read_cells

AUDIO_SUFFIXES: Final = (
    ".aac", ".aif", ".aiff", ".avi", ".flac", ".flv", ".m4a", ".mkv", ".mov", ".mp3", ".mp4", ".mpg", ".oga", ".ogg",
    ".opus", ".ts", ".wav", ".webm", ".wma", ".wmv",
)  # fmt: skip
"""Files with another ending, sidecars for example, are passed over."""
VIDEO_SUFFIXES: Final = (".avi", ".flv", ".mkv", ".mov", ".mp4", ".mpg", ".ts", ".webm", ".wmv")
_NAME, _CAPTION, _GROUP, _TIME = "name", "caption", "group", "time_s"

Files = dict[str, Path]
"""Clip -> file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The clips that all systems and the reference have, in order of name, and what is known of each.

    `captions`, `videos`, `events_s`, `categories` have the clips for which they are known; `groups` has all.
    """

    names: tuple[str, ...]
    reference: Files
    systems: dict[str, Files]
    videos: Files
    captions: dict[str, str]
    groups: dict[str, str]
    categories: dict[str, str]
    events_s: dict[str, tuple[float, ...]]

    def without(self, left_out: Iterable[str]) -> tuple[str, ...]:
        """Returns the names without some of them."""
        gone = set(left_out)
        return tuple(name for name in self.names if name not in gone)


def read_inputs(options: EvaluateOptions) -> tuple[Inputs, list[Problem]]:
    """Returns the inputs and what is wrong with them by name alone. Decodes nothing.

    Raises UsageError for a folder that is missing or empty, and for a table that cannot be read.
    """
    problems: list[Problem] = []
    reference = _files(options.reference, REFERENCE, AUDIO_SUFFIXES, problems)
    systems = {name: _files(path, name, AUDIO_SUFFIXES, problems) for name, path in options.systems.items()}
    for name, files in systems.items():
        twice = {problem.name for problem in problems if problem.kind == "duplicate"}
        problems += _missing("missing", name, reference.keys() - files.keys() - twice)
        problems += _missing("extra", name, files.keys() - reference.keys() - twice)
    names = tuple(sorted(reference.keys() & set.intersection(*(set(files) for files in systems.values()))))
    videos = {} if options.video is None else _videos(options.video, names, problems)
    table = _captions(options, set(reference), names, problems)
    found = Inputs(
        names=names,
        reference=reference,
        systems=systems,
        videos=videos,
        captions={name: table[name][_CAPTION] for name in names if name in table and table[name][_CAPTION].strip()},
        groups={name: table.get(name, {}).get(_GROUP) or name for name in names},
        categories=_categories(options, table, names),
        events_s=_events(options, set(reference), names, problems),
    )
    return found, problems


def require_some(names: tuple[str, ...], options: EvaluateOptions) -> None:
    """Raises UsageError when there is no clip to score."""
    if not names:
        folders = ", ".join(str(path) for path in options.systems.values())
        raise UsageError(
            f"{options.reference} and {folders} have no clip in common that can be scored; a generated file is "
            "compared with the reference file of the same name, whatever both endings are"
        )


def _videos(folder: Path, names: tuple[str, ...], problems: list[Problem]) -> Files:
    """Returns the videos of the clips; two of one name are a problem, and so is none."""
    found: list[Problem] = []
    videos = _files(folder, "video", VIDEO_SUFFIXES, found)
    twice = {problem.name for problem in found if problem.kind == "duplicate"}
    problems += [replace(one, kind="duplicate-video") if one.kind == "duplicate" else one for one in found]
    problems += _missing("no-video", "video", set(names) - videos.keys() - twice)
    return {name: videos[name] for name in names if name in videos}


def _files(folder: Path, where: str, suffixes: tuple[str, ...], problems: list[Problem]) -> Files:
    """Returns the media files of a folder by name without the ending; two of one name are a problem and left out."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; expected one with audio files")
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes or path.name.startswith("."):
            continue
        if is_printable(path.stem):
            found[path.stem].append(path)
        else:
            problems.append(Problem(kind="bad-name", where=where, name=ascii(path.stem)))
    if not found:
        below = ", only subfolders; put the files of all clips into it directly" if _has_folders(folder) else ""
        raise UsageError(f"{folder} has no media file ({', '.join(suffixes)}){below}")
    for name, paths in found.items():
        if len(paths) > 1:
            files = " and ".join(path.name for path in paths)
            problems.append(Problem(kind="duplicate", where=where, name=name, detail=files))
    return {name: paths[0] for name, paths in found.items() if len(paths) == 1}


def _has_folders(folder: Path) -> bool:
    return any(path.is_dir() for path in folder.iterdir())


def is_printable(name: str) -> bool:
    """Whether a name can be shown in a terminal and written as UTF-8: no control characters, no undecodable bytes."""
    return name.isprintable() and not any("\ud800" <= character <= "\udfff" for character in name)


def _missing(kind: str, where: str, names: Iterable[str]) -> list[Problem]:
    return [Problem(kind=kind, where=where, name=name) for name in sorted(names)]


def _captions(
    options: EvaluateOptions, known: set[str], names: tuple[str, ...], problems: list[Problem]
) -> dict[str, dict[str, str]]:
    """Returns clip -> cells of the captions' table."""
    if options.captions is None:
        if options.by is not None:
            raise UsageError(f"--by {options.by}: is a column of the captions; give --captions CSV")
        return {}
    columns = (_NAME, _CAPTION) if options.by is None else (_NAME, _CAPTION, options.by)
    found: dict[str, dict[str, str]] = {}
    for where, cells in read_cells(options.captions, columns, "it is the file given with --captions"):
        name = cells[_NAME]
        if name in found:
            raise UsageError(f"{where}: clip {name!r} repeats; one row per clip is expected")
        found[name] = cells
    problems += _missing("extra-caption", "captions", found.keys() - known)
    captioned = {name for name, cells in found.items() if cells[_CAPTION].strip()}
    problems += _missing("no-caption", "captions", set(names) - captioned)
    return found


def _categories(
    options: EvaluateOptions, table: Mapping[str, Mapping[str, str]], names: tuple[str, ...]
) -> dict[str, str]:
    """Returns clip -> category; a clip whose cell is empty has none."""
    if options.by is None:
        return {}
    found = {name: table[name][options.by].strip() for name in names if name in table}
    for name, category in found.items():
        if category == ALL_CLIPS:
            raise UsageError(
                f"{options.captions}: clip {name!r}: {options.by} is {ALL_CLIPS!r}, which stands for all clips"
            )
        if not is_printable(category):
            raise UsageError(f"{options.captions}: clip {name!r}: {options.by} is not printable: {category!a}")
    return {name: category for name, category in found.items() if category}


def _events(
    options: EvaluateOptions, known: set[str], names: tuple[str, ...], problems: list[Problem]
) -> dict[str, tuple[float, ...]]:
    """Returns clip -> times of its events in seconds, sorted; a row without a time is a clip without events."""
    if options.events is None:
        return {}
    found: defaultdict[str, list[float]] = defaultdict(list)
    if isinstance(options.events, Mapping):
        for name, times in options.events.items():
            found[name] = [_seconds(str(time_s), f"events of {name!r}") for time_s in times]
    else:
        _read_events(options.events, found)
    problems += _missing("extra-events", "events", found.keys() - known)
    problems += _missing("no-events", "events", set(names) - found.keys())
    return {name: tuple(sorted(times)) for name, times in found.items() if name in known}


def _read_events(table: Path, found: defaultdict[str, list[float]]) -> None:
    for where, cells in read_cells(table, (_NAME, _TIME), "it is the file given with --events"):
        times = found[cells[_NAME]]
        if cells[_TIME].strip():
            times.append(_seconds(cells[_TIME], where))


def _seconds(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise UsageError(f"{where}: {_TIME} is {text!r}; expected seconds, 0 or more")
    return value
