"""The published lists of the tables' test sets: which clips, with which captions, labels or reference clips.

| list | where it is published | clips |
|---|---|---|
| VGGSound | `data/test.csv` of hche11/VGGSound: `ID_START.mp4,label` | 15,446 |
| VGGSound, MMAudio's | `sets/vgg-test.tsv` of hkchengrex/MMAudio: id, label | 15,221 |
| AudioCaps | `audiocaps_test_nonrepeat_subset_2.json` of audioldm_eval: data[].wav, .caption | 964 |
| Greatest Hits | `AMT_test_set.json` of XYPB/CondFoleyGen: target -> three references | 194 x 3 |
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from data_contracts import UsageError

ListKind = Literal["VGGSound", "VGGSound, MMAudio's", "AudioCaps", "Greatest Hits", "captions", "names"]
PUBLISHED: Final[dict[ListKind, int]] = {
    "VGGSound": 15_446,
    "VGGSound, MMAudio's": 15_221,
    "AudioCaps": 964,
    "Greatest Hits": 582,
}
"""Kind of list -> how many clips, or pairs of target and reference, the published one has."""
_CUT: Final = re.compile(r"(?P<video>.+)_denoised_trim_to_[\d.]+s_from_(?P<start>[\d.]+?)(_new_fps)?(_resized)?")
_JOINED: Final = "_to_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A target clip, and the clip whose sound it gets."""

    target: str
    reference: str

    @property
    def name(self) -> str:
        """The name of what is generated, as CondFoleyGen gives it: `TARGET_to_REFERENCE`."""
        return f"{self.target}{_JOINED}{self.reference}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipList:
    """A list. `captions`: clip -> caption or label, or an empty text. `pairs`: of Greatest Hits, by name.

    `videos`: clip -> the name of its video, where the list has a column for it: several clips can be of one video.
    """

    file: str
    kind: ListKind
    captions: dict[str, str]
    pairs: dict[str, Pair] = field(default_factory=dict)
    videos: dict[str, str] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """What the list holds, and whether it is as long as the published one."""
        what = f"{len(self.captions):,} clips"
        if self.videos:
            what += f" of {len(set(self.videos.values())):,} videos"
        if self.pairs:
            targets = {pair.target for pair in self.pairs.values()}
            references = {pair.reference for pair in self.pairs.values()}
            what = f"{len(self.pairs):,} pairs of {len(targets):,} targets and {len(references):,} references"
        published = PUBLISHED.get(self.kind)
        if published is None:
            return f"list {self.file}: {what}"
        same = "as published" if published == len(self.captions) else f"the published list has {published:,}"
        return f"list {self.file} ({self.kind}): {what}; {same}"


def read_list(path: Path) -> ClipList:
    """Returns the clips of a list, whose kind its ending and its first line tell.

    Raises UsageError, naming the file and the line, for a file that is missing or is no such list, for a name that
    repeats, and for a name that cannot be a file's.
    """
    readers = {".json": _json, ".tsv": _tsv, ".csv": _csv, ".txt": _txt}
    if (reader := readers.get(path.suffix.lower())) is None:
        raise UsageError(f"list {path}: the name must end in one of {', '.join(readers)}")
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"list {path} does not exist") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"list {path} cannot be read as UTF-8 text ({error})") from error
    found = reader(path, text)
    if not found.captions:
        raise UsageError(f"list {path} has no clips")
    return found


def clip_key(stem: str) -> str:
    """Returns the name of a Greatest Hits clip, `VIDEO_START`, from that of a file that CondFoleyGen has cut."""
    found = _CUT.fullmatch(stem)
    return f"{found['video']}_{found['start']}" if found else stem


def pair_key(stem: str) -> str:
    """Returns the name of a pair from that of a generated file; both halves may be names of cut files."""
    return _JOINED.join(clip_key(half) for half in re.split(rf"{_JOINED}(?!\d*s_from)", stem))


def _tsv(path: Path, text: str) -> ClipList:
    lines = list(csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    if not lines or lines[0] != ["id", "label"]:
        raise UsageError(f"list {path}, line 1: expected the columns id and label, separated by a tab")
    return _of_lines(path, "VGGSound, MMAudio's", enumerate(lines[1:], 2))


def _csv(path: Path, text: str) -> ClipList:
    lines = list(csv.reader(text.splitlines()))
    if lines and {"name", "caption"} <= set(lines[0]):
        name, caption = lines[0].index("name"), lines[0].index("caption")
        cells = [""] * len(lines[0])  # for lines that end early
        rows = [(number, [*line, *cells]) for number, line in enumerate(lines[1:], 2) if line]
        found = _of_lines(path, "captions", [(number, [line[name], line[caption]]) for number, line in rows])
        if "video" not in lines[0]:
            return found
        video = lines[0].index("video")
        for number, line in rows:
            _require_name(line[video], f"list {path}, line {number}")
        return replace(found, videos={line[name]: line[video] for _, line in rows})
    stemmed = [(number, [line[0].removesuffix(".mp4"), *line[1:]]) for number, line in enumerate(lines, 1) if line]
    return _of_lines(path, "VGGSound", stemmed)


def _txt(path: Path, text: str) -> ClipList:
    names = [(number, [line.strip(), ""]) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    return _of_lines(path, "names", names)


def _of_lines(path: Path, kind: ListKind, lines: Iterable[tuple[int, list[str]]]) -> ClipList:
    captions: dict[str, str] = {}
    for number, line in lines:
        if len(line) != 2:
            raise UsageError(f"list {path}, line {number}: has {len(line)} columns; expected a clip and its caption")
        _add(captions, line[0], line[1], f"list {path}, line {number}")
    return ClipList(file=path.name, kind=kind, captions=captions)


def _json(path: Path, text: str) -> ClipList:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise UsageError(f"list {path} is not valid JSON ({error})") from error
    if isinstance(data, dict) and isinstance(data.get("data"), list):
        return _audiocaps(path, data["data"])
    if isinstance(data, dict) and data and all(_is_names(value) for value in data.values()):
        return _greatest_hits(path, data)
    raise UsageError(
        f"list {path}: expected the AudioCaps list, with data[].wav and .caption, or Greatest Hits' AMT_test_set.json, "
        "with a list of references for each target"
    )


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def _audiocaps(path: Path, rows: list[Any]) -> ClipList:
    captions: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        where = f"list {path}, entry {number}"
        if not isinstance(row, dict) or not isinstance(row.get("wav"), str) or not isinstance(row.get("caption"), str):
            raise UsageError(f"{where}: expected wav and caption")
        _add(captions, Path(row["wav"]).stem, row["caption"], where)
    return ClipList(file=path.name, kind="AudioCaps", captions=captions)


def _greatest_hits(path: Path, data: dict[str, list[str]]) -> ClipList:
    captions: dict[str, str] = {}
    pairs: dict[str, Pair] = {}
    for target, references in data.items():
        for reference in references:
            pair = Pair(target=_clip_of(target), reference=_clip_of(reference))
            _add(captions, pair.name, "", f"list {path}, target {target}")
            pairs[pair.name] = pair
    return ClipList(file=path.name, kind="Greatest Hits", captions=captions, pairs=pairs)


def _clip_of(text: str) -> str:
    """Returns a clip's name from its name or from the path of its cut file."""
    return clip_key(Path(text).name.removesuffix(".mp4"))


def _add(captions: dict[str, str], name: str, caption: str, where: str) -> None:
    _require_name(name, where)
    if name in captions:
        raise UsageError(f"{where}: clip {name!r} repeats")
    captions[name] = caption


def _require_name(name: str, where: str) -> None:
    if not name or name.startswith(".") or "/" in name or "\\" in name or not name.isprintable():
        raise UsageError(f"{where}: {name!r} cannot be a clip's name; expected a file's name without folder and ending")
