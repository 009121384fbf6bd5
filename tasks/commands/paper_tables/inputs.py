"""The clips of a table's test set: names, captions, true audio, videos, reference clips, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from data_contracts import UsageError
from data_contracts.quantities import counted
from tasks.commands.evaluate.inputs import AUDIO_SUFFIXES, VIDEO_SUFFIXES
from tasks.evaluate.paper_tables.config import TableFiles
from tasks.evaluate.paper_tables.layout import PaperTable
from tasks.evaluate.paper_tables.lists import ClipList, Pair, clip_key, pair_key, read_list

SETTING: Final = "evaluate.test_set"
Files = dict[str, Path]
"""Clip -> file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableInputs:
    """The clips that can be scored, by name. `captions` has all of them, with an empty caption where there is none.

    `truth` is empty where no column needs it (table 3); `references` and `pairs` have those of tables 4 and 7.
    `sources`: the video that a clip shares with others. `lines` says how many clips there are and what is missing.
    """

    captions: dict[str, str]
    truth: Files
    videos: Files
    references: Files = field(default_factory=dict)
    pairs: dict[str, Pair] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[str, ...] = ()

    def group(self, name: str) -> str:
        """Returns what a clip shares with others, for the intervals: of a pair the target, else its video."""
        return self.pairs[name].target if name in self.pairs else self.sources.get(name, name)


def read_inputs(table: PaperTable, files: TableFiles) -> TableInputs:
    """Returns the clips of a table's test set. Raises UsageError naming the setting that is missing or wrong."""
    listed = _list(files, "list_file") if files.list_file else None
    if table.task == "ac-vta":
        return _pairs(table, files, listed)
    truth = _folder(table, files, "reference", AUDIO_SUFFIXES, needed=table.task != "tc-vta")
    videos = _folder(table, files, "video", VIDEO_SUFFIXES, needed=False)
    videos = videos or {name: path for name, path in truth.items() if path.suffix.lower() in VIDEO_SUFFIXES}
    if not truth and not videos:
        raise UsageError(f"table {table.number} needs {SETTING}.video, the folder of its videos")
    sources = {} if listed is None else listed.videos
    if sources:
        videos = {name: videos[video] for name, video in sources.items() if video in videos}
    captions = dict.fromkeys(truth or videos, "") if listed is None else dict(listed.captions)
    where = f"{SETTING}.{'reference' if truth else 'video'}"
    there = {name: text for name, text in sorted(captions.items()) if name in (truth or videos)}
    lines = [
        f"no list is named: all clips of {where}" if listed is None else listed.line,
        _found(there, captions, where),
    ]
    if files.captions:
        there |= {name: text for name, text in _captions(files).items() if name in there}
    return _checked(
        TableInputs(
            captions=there,
            truth={name: truth[name] for name in there if name in truth},
            videos={name: videos[name] for name in there if name in videos},
            sources=sources,
            lines=tuple(filter(None, lines)),
        ),
        where,
        next((name if truth else sources.get(name, name) for name in captions), ""),
    )


def clip_files(folder: Path, suffixes: Iterable[str], key: Callable[[str], str] = str) -> Files:
    """Returns the media files of a folder by clip; `key` makes the clip's name of a file's name without its ending.

    Raises UsageError when the folder is missing, or when two files are of one clip.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    found: Files = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in suffixes and not path.name.startswith("."):
            name = key(path.stem)
            if name in found:
                raise UsageError(f"{folder}: {found[name].name} and {path.name} are both of clip {name!r}; remove one")
            found[name] = path
    return found


def read_subset(files: TableFiles) -> tuple[frozenset[str], str] | None:
    """Returns the names in `subset_file`, and a line about it; None where none is set."""
    if not files.subset_file:
        return None
    listed = _list(files, "subset_file")
    return frozenset(listed.captions), listed.line


def _pairs(table: PaperTable, files: TableFiles, listed: ClipList | None) -> TableInputs:
    if listed is None or not listed.pairs:
        raise UsageError(
            f"table {table.number} needs {SETTING}.list_file, CondFoleyGen's AMT_test_set.json: which target gets the "
            "sound of which references"
        )
    media = (*AUDIO_SUFFIXES, *VIDEO_SUFFIXES)
    targets = _folder(table, files, "reference", media, needed=True, key=clip_key)
    references = _folder(table, files, "references", media, needed=True, key=clip_key)
    videos = _folder(table, files, "video", VIDEO_SUFFIXES, needed=False, key=clip_key) or {
        name: path for name, path in targets.items() if path.suffix.lower() in VIDEO_SUFFIXES
    }
    pairs = {
        name: pair for name, pair in listed.pairs.items() if pair.target in targets and pair.reference in references
    }
    where = f"{SETTING}.reference and {SETTING}.references"
    return _checked(
        TableInputs(
            captions=dict.fromkeys(pairs, ""),
            truth={name: targets[pair.target] for name, pair in pairs.items()},
            videos={name: videos[pair.target] for name, pair in pairs.items() if pair.target in videos},
            references={name: references[pair.reference] for name, pair in pairs.items()},
            pairs=pairs,
            lines=tuple(filter(None, (listed.line, _found(pairs, listed.pairs, where)))),
        ),
        where,
        next(iter(listed.pairs)),
    )


def _folder(
    table: PaperTable,
    files: TableFiles,
    name: str,
    suffixes: Iterable[str],
    *,
    needed: bool,
    key: Callable[[str], str] = str,
) -> Files:
    folder = getattr(files, name)
    if folder:
        try:
            return clip_files(Path(folder), suffixes, key)
        except UsageError as error:
            raise UsageError(f"{SETTING}.{name}: {error}") from error
    if needed:
        raise UsageError(f"table {table.number} needs {SETTING}.{name}, a folder")
    return {}


def _found(there: Mapping[str, object], listed: Mapping[str, object], where: str) -> str:
    """Returns how many of the listed clips there are; empty when all are."""
    missing = [name for name in listed if name not in there]
    if not missing:
        return ""
    return f"{where} has {len(there):,} of {counted(len(listed), 'listed clip')}; the first that it lacks: {missing[0]}"


def _list(files: TableFiles, name: str) -> ClipList:
    """Returns the list that a setting names. Raises UsageError, as `read_list`, naming the setting too."""
    try:
        return read_list(Path(getattr(files, name)))
    except UsageError as error:
        raise UsageError(f"{SETTING}.{name}: {error}") from error


def _captions(files: TableFiles) -> dict[str, str]:
    listed = _list(files, "captions")
    if listed.kind != "captions":
        raise UsageError(f"{SETTING}.captions: {files.captions} is no CSV with the columns name and caption")
    return listed.captions


def _checked(found: TableInputs, where: str, first: str) -> TableInputs:
    if not found.captions:
        raise UsageError(f"{where} has none of the table's clips; a file for the first one is named {first}")
    return found


def generated_files(folder: Path, task: str) -> Files:
    """Returns the files of generated audio by clip; those of a pair may be named as CondFoleyGen names them."""
    return clip_files(folder, AUDIO_SUFFIXES, pair_key if task == "ac-vta" else str)
