"""All corpora of a run as one list of recordings: ids by source, official splits, test sets kept out of training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from data_contracts import UsageError
from tasks.ingest.config import CorpusConfig, IngestConfig
from tasks.ingest.readers.files import ids_in
from tasks.ingest.readers.greatest_hits import greatest_hits
from tasks.ingest.readers.hf import hf
from tasks.ingest.readers.public import audiocaps, clotho, vggsound, wavcaps
from tasks.ingest.readers.text_rules import invalid_rule
from tasks.ingest.recordings import Recording, read_recordings, split_of
from tasks.workspace import safe_name

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
    """The recordings, and per source: how many are listed, missing (the first few by name), invalid per rule."""

    recordings: list[Recording]
    sources: dict[str, dict[str, Any]]


def list_recordings(config: IngestConfig, version: str) -> Listing:
    """Returns all recordings of the run's corpora, in the order of the lists. Opens lists and folders only.

    Raises UsageError for a list or folder that cannot be used, or two sources of one name.
    """
    corpora = _named(config)
    if list(corpora) == [""]:
        found = _from_table(corpora[""], config, version)
        return Listing(found, {"table": _counts(_mark_missing(found, media_folders(config)[""]), 0)})
    recordings: list[Recording] = []
    sources: dict[str, dict[str, Any]] = {}
    for name, corpus in corpora.items():
        listed = _read(name, corpus, config, version)
        kept = _only(listed, corpus)
        sources[name] = _counts(kept, len(listed) - len(kept))
        recordings.extend(kept)
    return Listing(_held_out(_unique(recordings), config, version), sources)


def media_folders(config: IngestConfig) -> dict[str, Path]:
    """Returns source name -> the folder that its recordings' paths count from."""
    return {name: _media(corpus) for name, corpus in _named(config).items()}


def shard_folders(config: IngestConfig) -> dict[str, Path]:
    """Returns source name -> the folder that its shards count from: sounds inside records lie there."""
    return {name: _path(corpus).absolute() for name, corpus in _named(config).items()}


def _named(config: IngestConfig) -> dict[str, CorpusConfig]:
    """Returns the listed sources by name; a single table has the empty name, and its ids as they are."""
    if not config.corpora and config.corpus.kind == "table" and not config.corpus.test_ids:
        _path(config.corpus)
        return {"": config.corpus}
    named: dict[str, CorpusConfig] = {}
    for corpus in config.corpora or (config.corpus,):
        if corpus.kind == "builtin":
            continue
        name = safe_name(corpus.name or (_path(corpus).stem if corpus.kind == "table" else corpus.kind))
        if name in named:
            raise UsageError(f"ingest.corpora: two sources are named {name!r}; set name in one of them")
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


def _from_table(corpus: CorpusConfig, config: IngestConfig, version: str) -> list[Recording]:
    shares = {"val_share": config.val_share, "test_share": config.test_share}
    return read_recordings(_path(corpus), **shares, version=version)


def _mark_missing(found: Sequence[Recording], folder: Path) -> list[Recording]:
    return [replace(r, missing=not _exists(folder / (r.audio or r.video))) for r in found]


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _read(name: str, corpus: CorpusConfig, config: IngestConfig, version: str) -> list[Recording]:
    """Returns one source's recordings under its name, with its own split policy."""
    if corpus.kind == "table":
        found = _mark_missing(_from_table(corpus, config, version), _media(corpus))
    else:
        path = _path(corpus)
        if not path.exists():
            raise UsageError(f"ingest.corpus.path: {path} does not exist")
        found = list(READERS[corpus.kind](corpus, path.absolute(), _media(corpus)))
    if not found:
        raise UsageError(f"source {name}: {corpus.path} lists no recording")
    test = ids_in(corpus.test_ids)
    return [_policy(recording, name, corpus, test) for recording in found]


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
        group=group,
        licence=licence,
        source_id=f"{recording.source_id}\n{recording.item_id}",
    )


def _is_named(recording: Recording, ids: frozenset[str]) -> bool:
    names = {*recording.source_id.split("\n"), recording.item_id, recording.audio, recording.video}
    return bool(ids & (names - {""}))


def _only(recordings: list[Recording], corpus: CorpusConfig) -> list[Recording]:
    if not corpus.only_test_ids:
        return recordings
    if not corpus.test_ids:
        raise UsageError("ingest.corpus.only_test_ids needs ingest.corpus.test_ids, the file of the ids")
    test = ids_in(corpus.test_ids)
    return [r for r in recordings if r.split != "test" or _is_named(r, test)]


def _unique(recordings: Sequence[Recording]) -> list[Recording]:
    """Numbers the ids that a list repeats: no row is lost, and the numbers depend on the list's order only."""
    taken: set[str] = set()
    last: dict[str, int] = {}
    result = []
    for recording in recordings:
        name = recording.item_id
        while name in taken:
            last[recording.item_id] = last.get(recording.item_id, 1) + 1
            name = f"{recording.item_id}-{last[recording.item_id]}"
        taken.add(name)
        result.append(recording if name == recording.item_id else replace(recording, item_id=name))
    return result


def _held_out(recordings: list[Recording], config: IngestConfig, version: str) -> list[Recording]:
    """Fills in splits. What a test set holds is not trained on anywhere, nor what a validation set holds (SPEC D5)."""
    rank = {"test": 0, "val": 1, "train": 2}
    stated: dict[str, str] = {}
    for r in recordings:
        if r.split in rank and rank[r.split] <= rank[stated.get(r.group, "train")]:
            stated[r.group] = r.split
    result = []
    for r in recordings:
        side = stated.get(r.group) or split_of(
            r.group, val_share=config.val_share, test_share=config.test_share, version=version
        )
        fits = not r.split or r.split == side
        split = side if fits else ("held_out" if r.split in rank else r.split)
        result.append(r if split == r.split else replace(r, split=split))
    return result


def _counts(recordings: Sequence[Recording], left_out: int) -> dict[str, Any]:
    missing = [r.audio or r.video for r in recordings if r.missing]
    rules = Counter(rule for r in recordings if r.filtered and (rule := invalid_rule(r.caption)))
    return {
        "listed": len(recordings),
        "missing": len(missing),
        "first_missing": missing[:_FIRST],
        "left_out": left_out,
        "invalid_text": dict(sorted(rules.items())),
    }
