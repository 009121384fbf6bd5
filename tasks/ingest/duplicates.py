"""Recordings that are the same audio under several names: their groups become one, which has one split (SPEC D5).

Equal is audio whose source file or whose clip has the same bytes as another's; clips are FLAC, so equal bytes are equal
samples. Similar is audio that has a part in common with another's, by fingerprint: it was encoded again,
resampled, made louder or trimmed. Scenes of the built-in corpus are left out: they share objects by design.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from data_contracts import Clip
from data_contracts.quantities import counted
from tasks.corpus.config import RENDERED
from tasks.engine.workspace import read_json
from tasks.ingest.config import Matching
from tasks.ingest.recordings import SPLIT_RANK
from tasks.media.fingerprint import Peaks, peaks_in, similar

REPORT: Final = "duplicates.json"


@dataclass(frozen=True, kw_only=True)
class IngestedClip(Clip):
    """A clip as the journal has it, with what decides its group and split once all recordings are known."""

    split_stated: bool = False  # by the list, not by the hash of the group
    fingerprint: str = ""  # of the whole recording, on its first clip; empty for a scene of the built-in corpus


_JOURNAL_ONLY: Final = {f.name for f in fields(IngestedClip)} - {f.name for f in fields(Clip)}


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedGroup:
    """What becomes of a group that has audio in common with another one."""

    group_id: str
    split: str
    audio: Literal["equal", "similar"]


@dataclass(slots=True)
class Duplicates:
    """The merged groups by the name that the lists gave them, and what was done to their clips."""

    merged: dict[str, MergedGroup] = field(default_factory=dict)
    listed: dict[str, dict[str, Any]] = field(default_factory=dict)
    moved: int = 0
    left_out: int = 0

    def find(self, rows: Iterable[Mapping[str, Any]], matching: Matching) -> None:
        """Compares all recordings of the journal and forgets what was found before."""
        self.merged = {} if matching == "none" else _merged(rows, matching)
        self.listed, self.moved, self.left_out = {}, 0, 0

    def table_rows(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Clip]:
        """Yields the clips of the journal's rows, each in its group and in that group's split.

        A clip that its list puts in another split than its group's is left out, as `held_out` recordings are.
        """
        for row in rows:
            clip = listed_clip(row)
            target = self.merged.get(clip.group_id)
            if target is None:
                yield clip
                continue
            kept = clip.split == target.split or not row.get("split_stated")
            self._list(clip, target, kept=kept)
            if kept:
                yield replace(clip, group_id=target.group_id, split=target.split)

    def note(self) -> str:
        """Returns what was found, for the stage's line; empty for nothing."""
        if not self.merged:
            return ""
        groups = counted(len(self.merged), "group")
        clips = f"{counted(self.moved, 'clip')} moved to its split, {self.left_out:,} left out"
        return f"{groups} with the audio of another one: {clips} (listed in ingest/{REPORT})"

    def _list(self, clip: Clip, target: MergedGroup, *, kept: bool) -> None:
        self.moved += kept and clip.split != target.split
        self.left_out += not kept
        entry = self.listed.setdefault(target.group_id, {"audio": target.audio, "split": target.split, "clips": []})
        entry["clips"].append(
            {
                "item_id": clip.item_id,
                "source": clip.source,
                "path": clip.source_path,
                "group": clip.group_id,
                "listed_split": clip.split,
                "kept": kept,
            }
        )


def listed_clip(row: Mapping[str, Any]) -> Clip:
    """Returns the clip of a journal's row, in the group and split that its list gave it."""
    return Clip.from_dict({name: value for name, value in row.items() if name not in _JOURNAL_ONLY})


def placed_clip(row: Mapping[str, Any], report: Path) -> Clip:
    """Returns the clip of a journal's row as the table has it. `report`: `duplicates.json` of the finished stage.

    One recording alone does not tell which others have the same audio, so the groups that were found then are used.
    """
    clip = listed_clip(row)
    merged = read_json(report) if report.exists() else {}
    for group_id, entry in merged.items():
        if any(listed["item_id"] == clip.item_id and listed["kept"] for listed in entry["clips"]):
            return replace(clip, group_id=group_id, split=entry["split"])
    return clip


class _Union:
    """Sets of groups, each named by its first one in the order of the lists."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._parent: list[int] = []

    def number(self, name: str) -> int:
        """Returns the number of a group."""
        number = self._numbers.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
            self._parent.append(number)
        return number

    def root(self, number: int) -> int:
        """Returns the first group of a group's set."""
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number

    def join(self, first: int, second: int) -> int:
        """Makes one set of two groups' sets; returns its first group."""
        first, second = sorted((self.root(first), self.root(second)))
        self._parent[second] = first
        return first


def _merged(rows: Iterable[Mapping[str, Any]], matching: Matching) -> dict[str, MergedGroup]:
    """Returns the groups that share audio with another one."""
    union, splits = _Union(), list[tuple[bool, int]]()
    contents: list[tuple[int, int]] = []
    fingerprints, owners, seen = list[Peaks](), list[int](), set[int]()
    for row in rows:
        if row["source"] == RENDERED:
            continue
        group = union.number(row["group_id"])
        split = (not row.get("split_stated"), SPLIT_RANK[row["split"]])  # a stated split comes before a drawn one
        if group == len(splits):
            splits.append(split)
        splits[group] = min(splits[group], split)
        source, audio = _short(row["source_sha256"]), _short(row["audio_sha256"])
        contents += [(source, group), (audio, group)]
        if matching == "similar" and row.get("fingerprint") and source not in seen:
            seen.add(source)  # equal files, as those of several captions, need one comparison
            fingerprints.append(peaks_in(row["fingerprint"]))
            owners.append(group)
    for first, second in _equal(contents):
        union.join(first, second)
    equal = {name: union.names[union.root(number)] for number, name in enumerate(union.names)}
    alike = {union.join(owners[first], owners[second]) for first, second in similar(fingerprints)}
    return _decisions(union, splits, equal, {union.root(number) for number in alike})


def _decisions(
    union: _Union, splits: list[tuple[bool, int]], equal: dict[str, str], alike: set[int]
) -> dict[str, MergedGroup]:
    members: dict[int, list[int]] = {}
    for number in range(len(union.names)):
        members.setdefault(union.root(number), []).append(number)
    names = {rank: split for split, rank in SPLIT_RANK.items()}
    merged = {}
    for root, numbers in members.items():
        if len(numbers) > 1:
            by_bytes = root not in alike or len({equal[union.names[n]] for n in numbers}) == 1
            target = MergedGroup(
                group_id=union.names[root],
                split=names[min(splits[n] for n in numbers)[1]],
                audio="equal" if by_bytes else "similar",
            )
            merged.update({union.names[n]: target for n in numbers})
    return merged


def _equal(contents: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yields pairs of groups with equal content, enough of them to link all that are equal."""
    if not contents:
        return
    content, group = np.array(contents, np.int64).T
    order = np.lexsort((group, content))
    content, group = content[order], group[order]
    same = np.flatnonzero((content[1:] == content[:-1]) & (group[1:] != group[:-1]))
    yield from zip(group[same].tolist(), group[same + 1].tolist(), strict=True)


def _short(sha256: str) -> int:
    """Returns the first 60 bits of a hash: enough to tell a billion files apart, and an integer of NumPy's."""
    return int(sha256[:15], 16)
