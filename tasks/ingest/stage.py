"""Ingest: from a corpus to clips of at most 8 s, each one checked, cut and hashed (SPEC D1 to D3)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, ClassVar

from data_contracts import Clip, Row
from tasks.corpus.builtin import scenes
from tasks.engine import Item, ItemResult, Stage, each, hashed_files
from tasks.engine.quality import Limit, limit
from tasks.engine.workspace import Workspace, write_json
from tasks.ingest.clips import ClipMaker
from tasks.ingest.config import IngestConfig
from tasks.ingest.duplicates import REPORT, Duplicates, IngestedClip
from tasks.ingest.listing import Listing, list_recordings, lists_corpora, media_folders, shard_folders
from tasks.ingest.readers.hf import OpenShard
from tasks.ingest.recordings import file_identity
from tasks.ingest.resolve import resolve_row, resolve_scene


@dataclass(frozen=True)
class IngestStage(Stage):
    """One item per recording, one row per clip. `dataset_version` is part of every seed and split."""

    config: IngestConfig
    dataset_version: str
    name: ClassVar[str] = "ingest"
    version: ClassVar[int] = 8
    row_type: ClassVar[type[Row]] = Clip
    row_wise: ClassVar[bool] = True  # the table is written batch by batch
    _counted: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What the last listing counted per corpus, so that a run reads the lists once."""
    _duplicates: Duplicates = field(default_factory=Duplicates, init=False, repr=False, compare=False)

    def settings(self) -> dict[str, Any]:
        """Returns the cutting rules and the dataset version; corpus and splits are part of the items' payloads."""
        rules = self.config.model_dump(
            include={"clip_s", "min_s", "split_from_s", "max_portions", "tail_s", "copy_side", "max_side"}
        )
        return {**rules, "dataset_version": self.dataset_version}

    def table_settings(self) -> dict[str, Any]:
        """Returns which recordings count as one: the clips are the same, their groups and splits are not."""
        return {"duplicates": self.config.duplicates}

    def items(self, workspace: Workspace) -> Iterator[Item]:  # noqa: ARG002 (the first stage reads no table)
        """Yields one item per scene or table row. Raises UsageError for a table that cannot be used."""
        corpus = self.config.corpus
        builtin = [c for c in self.config.corpora or (corpus,) if c.kind == "builtin"]
        yield from (Item(scene.scene_id, {"scene": scene.to_dict()}) for c in builtin for scene in scenes(c))
        if not lists_corpora(self.config):
            return
        files, shards = media_folders(self.config), shard_folders(self.config)
        shard_identity = lru_cache(maxsize=1)(file_identity)  # the records of a shard follow each other
        for r in self._listing().recordings:
            if r.row is None:
                yield Item(r.item_id, r.payload(files[r.corpus]))
            else:
                yield Item(r.item_id, r.payload(shards[r.corpus], shard_identity))

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        """Cuts each recording; a broken one becomes an ItemError with its own reason."""
        yield from each(items, partial(self._clips, workspace=workspace, opened=OpenShard()))

    def limits(self) -> list[Limit]:
        """Returns how many recordings may be quarantined; those of other corpora's test sets do not count."""
        return [limit(self.config, self.name, "accept_quarantined", "quarantined", others=("held_out",))]

    def before_table(self, rows: Iterator[dict[str, Any]]) -> None:
        """Finds recordings that are the same audio: they have one group and one split in the table."""
        self._duplicates.find(rows, self.config.duplicates if lists_corpora(self.config) else "none")

    def assemble(self, rows: list[dict[str, Any]], workspace: Workspace) -> list[Clip]:  # noqa: ARG002
        """Returns the clips, without those whose audio another split has."""
        return list(self._duplicates.table_rows(rows))

    def item_files(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Returns the clip's audio, what follows it, and its video, where it has them."""
        return hashed_files(row, "audio", "tail", "video")

    def outputs(self, workspace: Workspace) -> dict[str, None]:  # noqa: ARG002
        """Names the counts per corpus and the list of duplicates, where lists are read."""
        return {"sources.json": None, REPORT: None} if lists_corpora(self.config) else {}

    def on_finished(self, workspace: Workspace) -> str:
        """Writes `ingest/sources.json`: what each list names, what is missing, captions refused per rule.

        Writes `ingest/duplicates.json`, too: groups that share audio. Returns how many files are missing in each
        corpus, and how many clips changed their split or were left out, for the stage's line.
        """
        if not lists_corpora(self.config):
            return ""
        sources = self._counted or self._listing().sources
        write_json(workspace.stage(self.name) / "sources.json", sources)
        write_json(workspace.stage(self.name) / REPORT, self._duplicates.listed)
        missing = {name: counts["missing"] for name, counts in sources.items() if counts["missing"]}
        named = ", ".join(f"{name} {count:,}" for name, count in missing.items())
        lost = f"missing_file per corpus: {named} (listed in ingest/sources.json and the quarantine)" if missing else ""
        return "; ".join(filter(None, (lost, self._duplicates.note())))

    def _listing(self) -> Listing:
        listing = list_recordings(self.config, self.dataset_version)
        self._counted.clear()
        self._counted.update(listing.sources)
        return listing

    def _clips(self, item: Item, workspace: Workspace, opened: OpenShard) -> list[IngestedClip]:
        maker = ClipMaker(self.config, self.dataset_version, workspace)
        corpus = item.payload.get("corpus", "")
        if "scene" not in item.payload and item.payload.get("row") is None:
            return maker.clips(resolve_row(item, media_folders(self.config)[corpus], self.config))
        with tempfile.TemporaryDirectory(dir=workspace.stage(self.name), prefix=".tmp-") as folder:
            if "scene" in item.payload:
                return maker.clips(resolve_scene(item, Path(folder)))
            recording = resolve_row(item, shard_folders(self.config)[corpus], self.config)
            inside = Path(folder) / "record"
            inside.write_bytes(opened.record_bytes(recording.audio, int(item.payload["row"])))
            return maker.clips(replace(recording, audio=inside))
