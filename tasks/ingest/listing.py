"""Lists the recordings of all corpora of a run: unique ids, splits, and no test recording among the training ones."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from data_contracts import UsageError
from tasks.corpus.config import CorpusConfig
from tasks.engine.workspace import safe_name
from tasks.ingest.config import IngestConfig
from tasks.ingest.readers.files import ids_in
from tasks.ingest.readers.greatest_hits import greatest_hits
from tasks.ingest.readers.hf import hf
from tasks.ingest.readers.public import audiocaps, clotho, vggsound, wavcaps
from tasks.ingest.readers.text_rules import invalid_rule
from tasks.ingest.recordings import SPLIT_RANK, Recording, read_recordings, split_of
from tasks.ingest.spool import Spool

Reader = Callable[[CorpusConfig, Path, Path], Iterator[Recording]]
READERS: Final[Mapping[str, Reader]] = {
    "vggsound": vggsound,
    "audiocaps": audiocaps,
    "wavcaps": wavcaps,
    "greatest_hits": greatest_hits,
    "clotho": clotho,
    "hf": hf,
}
_FIRST: Final = 5


@dataclass(frozen=True, slots=True)
class Listing:
    """The recordings, and the counts per corpus that `ingest/sources.json` has."""

    recordings: Spool
    sources: dict[str, dict[str, Any]]


def list_recordings(config: IngestConfig, version: str) -> Listing:
    """Returns all recordings of the run's corpora, in the order of the lists. Opens no recording.

    Raises UsageError for a list or folder that cannot be used, or two corpora of one name.
    """
    corpora = _named(config)
    spool, counts = Spool(), dict[str, _Counts]()
    if list(corpora) == [""]:
        counts["table"] = _Counts()
        ids = _UniqueIds(keep_equal=True)
        for recording in _with_files(_from_table(corpora[""], config, version), media_folders(config)[""]):
            counts["table"].add(recording)
            spool.put(ids.unique(recording))
    else:
        ids, splits = _UniqueIds(), _Splits(config, version)
        for name, corpus in corpora.items():
            counts[name] = _Counts()
            for recording in _read(name, corpus, config, version, counts[name]):
                counts[name].add(recording)
                splits.see(recording)
                spool.put(ids.unique(recording))
        spool.finish = splits.decided
    return Listing(spool, {name: counted.values() for name, counted in counts.items()})


def lists_corpora(config: IngestConfig) -> bool:
    """Whether there is a corpus besides the built-in one."""
    return any(corpus.kind != "builtin" for corpus in config.corpora or (config.corpus,))


def media_folders(config: IngestConfig) -> dict[str, Path]:
    """Returns, by corpus name, the folder that its recordings' paths are relative to."""
    return {name: _media(corpus) for name, corpus in _named(config).items()}


def shard_folders(config: IngestConfig) -> dict[str, Path]:
    """Returns, by corpus name, the folder that the paths of its shards are relative to."""
    paths = {name: _path(corpus).absolute() for name, corpus in _named(config).items()}
    return {name: path if path.is_dir() else path.parent for name, path in paths.items()}


def _named(config: IngestConfig) -> dict[str, CorpusConfig]:
    """Returns the listed corpora by name; a single table has the empty name, and keeps its ids as they are."""
    if not config.corpora and config.corpus.kind == "table" and not config.corpus.test_ids:
        _path(config.corpus)
        return {"": config.corpus}
    named: dict[str, CorpusConfig] = {}
    for corpus in config.corpora or (config.corpus,):
        if corpus.kind == "builtin":
            continue
        name = safe_name(corpus.name or (_path(corpus).stem if corpus.kind == "table" else corpus.kind))
        if name in named:
            raise UsageError(f"ingest.corpora: two corpora are named {name!r}; set name in one of them")
        named[name] = corpus
    return named


def _path(corpus: CorpusConfig) -> Path:
    if not corpus.path:
        wanted = "name a CSV or Parquet" if corpus.kind == "table" else "name the corpus's list or folder"
        raise UsageError(f"ingest.corpus.kind is {corpus.kind}, but ingest.corpus.path is not set; {wanted}")
    return Path(corpus.path)


def _media(corpus: CorpusConfig) -> Path:
    path = _path(corpus).absolute()  # a relative path could begin with a dash or look like a protocol
    if corpus.kind == "table":
        return path.parent
    if corpus.media:
        return Path(corpus.media).absolute()
    return path if path.is_dir() else path.parent


def _from_table(corpus: CorpusConfig, config: IngestConfig, version: str) -> Iterator[Recording]:
    shares = {"val_share": config.val_share, "test_share": config.test_share}
    return read_recordings(_path(corpus), **shares, version=version, encoding=corpus.encoding)


def _with_files(found: Iterable[Recording], folder: Path) -> Iterator[Recording]:
    """Yields the rows of a table with the paths of their files, also where they are written as on Windows or macOS."""
    for recording in found:
        audio, video = _on_disk(recording.audio, folder), _on_disk(recording.video, folder)
        missing = (audio if recording.audio else video) is None
        yield replace(recording, audio=audio or recording.audio, video=video or recording.video, missing=missing)


def _on_disk(name: str, folder: Path) -> str | None:
    """Returns a name as its file is written: with slashes, accented letters composed or not. None for no file."""
    if not name or _exists(folder / name):
        return name or None
    slashed = name.replace("\\", "/")
    spellings = (slashed, unicodedata.normalize("NFC", slashed), unicodedata.normalize("NFD", slashed))
    return next((spelling for spelling in spellings if _exists(folder / spelling)), None)


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _read(name: str, corpus: CorpusConfig, config: IngestConfig, version: str, counts: _Counts) -> Iterator[Recording]:
    """Yields one corpus's recordings under its name, with its own split policy; counts those it leaves out."""
    if corpus.only_test_ids and not corpus.test_ids:
        raise UsageError("ingest.corpus.only_test_ids needs ingest.corpus.test_ids, the file of the ids")
    found: Iterable[Recording]
    if corpus.kind == "table":
        found = _with_files(_from_table(corpus, config, version), _media(corpus))
    else:
        path = _path(corpus)
        if not path.exists():
            raise UsageError(f"ingest.corpus.path: {path} does not exist")
        found = READERS[corpus.kind](corpus, path.absolute(), _media(corpus))
    test = ids_in(corpus.test_ids)
    empty = True
    for recording in found:
        empty = False
        placed = _policy(recording, name, corpus, test)
        if corpus.only_test_ids and placed.split == "test" and not _is_named(placed, test):
            counts.left_out += 1
        else:
            yield placed
    if empty:
        raise UsageError(f"corpus {name}: {corpus.path} lists no recording")


def _policy(recording: Recording, name: str, corpus: CorpusConfig, test: frozenset[str]) -> Recording:
    split = recording.split
    if _is_named(recording, test):
        split = "test"
    elif split != "test" and corpus.split != "official":
        split = corpus.split
    licence = recording.licence if recording.licence != "unstated" else corpus.licence or "unstated"
    group = f"{name}-{recording.group}" if corpus.kind in ("table", "hf") else recording.group
    return replace(
        recording,
        item_id=safe_name(f"{name}.{recording.item_id}"),
        corpus=name,
        split=split,
        split_stated=bool(split) and (corpus.kind != "table" or recording.split_stated or split != recording.split),
        group=group,
        licence=licence,
        source_id=f"{recording.source_id}\n{recording.item_id}",
    )


def _is_named(recording: Recording, ids: frozenset[str]) -> bool:
    names = {*recording.source_id.split("\n"), recording.item_id, recording.audio, recording.video}
    return bool(ids & (names - {""}))


class _UniqueIds:
    """Numbers the ids that a list repeats, in the list's order, so that no row is lost.

    Ids that differ in case only count as repeated: they name files, and not every disk tells such names apart.
    """

    def __init__(self, *, keep_equal: bool = False) -> None:
        self._taken: dict[str, str] = {}
        self._last: dict[str, int] = {}
        self._keep_equal = keep_equal  # so that the engine refuses them

    def unique(self, recording: Recording) -> Recording:
        """Returns the recording under an id that no earlier one has."""
        name = given = recording.item_id
        while (key := name.casefold()) in self._taken:
            if self._keep_equal and self._taken[key] == given:
                return recording
            self._last[given] = self._last.get(given, 1) + 1
            name = f"{given}-{self._last[given]}"
        self._taken[name if key == name else key] = given
        return recording if name == given else replace(recording, item_id=name)


class _Splits:
    """Decides splits by group: a recording in a test or validation set is not trained on in any corpus (SPEC D5)."""

    def __init__(self, config: IngestConfig, version: str) -> None:
        self._split_of = partial(split_of, val_share=config.val_share, test_share=config.test_share, version=version)
        self._stated: dict[str, str] = {}

    def see(self, recording: Recording) -> None:
        """Remembers the split that a list states for a group; of several, the one that is kept apart most."""
        rank, split = SPLIT_RANK, recording.split
        if split in rank and rank[split] <= rank[self._stated.get(recording.group, "train")]:
            self._stated[recording.group] = split

    def decided(self, recording: Recording) -> Recording:
        """Returns the recording with its split, once all have been seen; `held_out` where the lists disagree."""
        stated = recording.split
        split = self._stated.get(recording.group) or self._split_of(recording.group)
        if stated and stated != split:
            split = "held_out" if stated in SPLIT_RANK else stated
        return recording if stated == split else replace(recording, split=split)


class _Counts:
    """Counts what one corpus lists."""

    def __init__(self) -> None:
        self.left_out = 0
        self._listed = 0
        self._missing = 0
        self._first: list[str] = []
        self._rules: Counter[str] = Counter()

    def add(self, recording: Recording) -> None:
        """Counts a recording that is kept."""
        self._listed += 1
        if recording.missing:
            self._missing += 1
            if len(self._first) < _FIRST:
                self._first.append(recording.audio or recording.video)
        if recording.filtered and (rule := invalid_rule(recording.caption)):
            self._rules[rule] += 1

    def values(self) -> dict[str, Any]:
        """Returns the counts as `ingest/sources.json` has them."""
        return {
            "listed": self._listed,
            "missing": self._missing,
            "first_missing": self._first,
            "left_out": self.left_out,
            "invalid_text": dict(sorted(self._rules.items())),
        }
