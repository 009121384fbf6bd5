"""Manifest rows to memory-mapped features (SPEC T3): what training reads instead of audio, video and text.

Each item's records are written as they are encoded; `assemble` packs them, each distinct audio file, video and text
once. Augmented and text-audio rows have no video: the network gives them all-zero video features.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from data_contracts import Clip, FeatureRow, ItemError, ManifestRow, Row, iter_table, read_table
from data_contracts.files import hash_file
from model.encoders import TextEncoder
from model.feature_writer import FeatureWriter
from model.features import HEADER
from model.storage import STORAGES, Values
from tasks.engine import Item, ItemResult, Stage
from tasks.engine.kept import Kept
from tasks.engine.quality import Limit, limit
from tasks.engine.workspace import Workspace, read_json
from tasks.precompute.config import PrecomputeConfig
from tasks.precompute.encoders import (
    Encoders,
    encode_audio,
    encode_texts,
    encode_video,
    load_encoders,
    read_clip,
)
from tasks.precompute.records import RecordFiles, RecordKeys

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PrecomputeStage(Stage):
    """Codec latents, visual, sync and text features of every manifest row."""

    config: PrecomputeConfig
    kept: Kept[Encoders] = field(default_factory=Kept, compare=False, repr=False)

    name: ClassVar[str] = "precompute"
    version: ClassVar[int] = 4
    row_type: ClassVar[type[Row]] = FeatureRow
    uses_gpu: ClassVar[bool] = True

    def settings(self) -> dict[str, Any]:
        """Returns the names of codec and encoders and the clip length; their hashes are in every item's keys."""
        return self.config.model_dump(exclude=set(PrecomputeConfig.NOT_IN_RESULTS))

    def items(self, workspace: Workspace) -> list[Item]:
        """Returns one item per manifest row, with the keys of its records."""
        rows = read_table(workspace.table("manifest", ManifestRow.TABLE), ManifestRow)
        keys = RecordKeys(self._encoders().specs, self.config.clip_s, STORAGES[self.config.dtype])
        videos = _video_hashes(workspace, rows)
        return [Item(row.item_id, _payload(row, keys, videos)) for row in rows]

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        """Encodes each item's missing records. Unreadable audio or video quarantines its item."""
        maker = _Maker.open(self._encoders(), self.config.clip_s, workspace)
        for item in items:
            try:
                peak = maker.make(item.payload)
            except ItemError as error:
                yield ItemResult(item.item_id, error=error)
            else:
                yield ItemResult(item.item_id, rows=({"item_id": item.item_id, **item.payload, "truth_peak": peak},))

    def assemble(self, rows: list[dict[str, Any]], workspace: Workspace) -> list[Row]:
        """Packs the records into one file per field and returns the record numbers of each row."""
        maker = _Maker.open(self._encoders(), self.config.clip_s, workspace)
        in_stats, stats_from = _stats_rows(rows)
        packer = _Packer(
            maker=maker,
            writer=FeatureWriter(
                workspace.stage(self.name), maker.encoders.specs, self.config.clip_s, maker.encoders.storage
            ),
            in_stats={rows[index]["latent_key"] for index in in_stats},
        )
        table: list[Row] = [packer.add(row) for row in rows]
        packer.writer.finish(
            stats_from=stats_from,
            keys={kind: list(known) for kind, known in packer.known.items()},
            made_by=self.settings(),
        )
        maker.records.clear()
        if cut := cut_captions(maker.encoders.text, {text for row in rows for text in row["texts"]}):
            log.warning("precompute: %s", cut)
        if maker.again:
            log.warning("precompute: %d records were gone or damaged and were encoded again", maker.again)
        return table

    def limits(self) -> list[Limit]:
        """Returns how many rows may be quarantined."""
        return [limit(self.config, self.name, "accept_quarantined", "quarantined")]

    def outputs(self, workspace: Workspace) -> dict[str, str | None]:
        """Names the packed files, with their hashes as the header has them, and the header."""
        fields = read_json(workspace.path(self.name, HEADER))["fields"].values()
        return {HEADER: None, **{field["file"]: field["sha256"] for field in fields}}

    def _encoders(self) -> Encoders:
        """Returns codec and encoders, loaded once per process of this run: published ones take gigabytes."""
        return self.kept.get(lambda: load_encoders(self.config))


def cut_captions(encoder: TextEncoder, captions: Collection[str]) -> str | None:
    """Returns one line about the captions of which the encoder reads only the beginning; None when there are none."""
    limit = encoder.spec.tokens
    cut = sum(encoder.token_count(caption) > limit for caption in captions)
    if not cut:
        return None
    return f"of {cut} of {len(captions)} captions {encoder.spec.name} reads the first {limit} tokens only"


@dataclass(slots=True)
class _Maker:
    """Makes missing records."""

    encoders: Encoders
    records: RecordFiles
    workspace: Workspace
    clip_s: float
    again: int = 0
    """How many records were gone when they were to be packed, and were encoded again."""

    @classmethod
    def open(cls, encoders: Encoders, clip_s: float, workspace: Workspace) -> _Maker:
        records = RecordFiles.open(workspace.stage("precompute"), encoders.specs, clip_s, encoders.storage)
        return cls(encoders, records, workspace, clip_s)

    def make(self, payload: dict[str, Any]) -> float:
        """Writes the item's missing records and returns the audio's peak."""
        texts = dict(zip(payload["text_keys"], payload["texts"], strict=True))
        missing = {key: text for key, text in texts.items() if not self.records.has("texts", key)}
        for key, text in zip(missing, encode_texts(self.encoders, list(missing.values())), strict=True):
            self.records.write("texts", key, [text])
        video_key = payload["video_key"]
        if video_key and not self.records.has("videos", video_key):
            self.records.write("videos", video_key, self.video(payload))
        samples_T = read_clip(self.encoders, self.workspace.path(payload["audio_path"]), self.clip_s)
        if not self.records.has("latents", payload["latent_key"]):
            self.records.write("latents", payload["latent_key"], encode_audio(self.encoders, samples_T))
        return float(np.abs(samples_T).max())

    def audio(self, payload: dict[str, Any]) -> list[Values]:
        path = self.workspace.path(payload["audio_path"])
        return encode_audio(self.encoders, read_clip(self.encoders, path, self.clip_s))

    def video(self, payload: dict[str, Any]) -> list[Values]:
        return encode_video(self.encoders, self.workspace.path(payload["video_path"]), self.clip_s)

    def text(self, payload: dict[str, Any], key: str) -> list[Values]:
        text = payload["texts"][payload["text_keys"].index(key)]
        return encode_texts(self.encoders, [text])

    def record(self, kind: str, key: str, again: Callable[[], list[Values]]) -> list[Values]:
        """Returns a record; one that was deleted by hand is encoded again."""
        found = self.records.read(kind, key)
        if found is not None:
            return found
        self.again += 1
        return again()


@dataclass(slots=True)
class _Packer:
    """Appends each distinct record once and remembers its number."""

    maker: _Maker
    writer: FeatureWriter
    in_stats: set[str]
    known: dict[str, dict[str, int]] = field(default_factory=lambda: {"latents": {}, "videos": {}, "texts": {}})

    def add(self, row: dict[str, Any]) -> FeatureRow:
        return FeatureRow(
            item_id=row["item_id"],
            subset=row["subset"],
            split=row["split"],
            latent_row=self._latent(row),
            video_row=self._video(row) if row["video_key"] else None,
            text_rows=tuple(self._text(row, key) for key in row["text_keys"]),
            duration_s=row["duration_s"],
            truth_peak=row["truth_peak"],
        )

    def _latent(self, row: dict[str, Any]) -> int:
        key, known = row["latent_key"], self.known["latents"]
        if key not in known:
            mean, std = self.maker.record("latents", key, lambda: self.maker.audio(row))
            known[key] = self.writer.add_latent(mean, std, in_stats=key in self.in_stats)
        return known[key]

    def _video(self, row: dict[str, Any]) -> int:
        key, known = row["video_key"], self.known["videos"]
        if key not in known:
            clip, sync = self.maker.record("videos", key, lambda: self.maker.video(row))
            known[key] = self.writer.add_video(clip, sync)
        return known[key]

    def _text(self, row: dict[str, Any], key: str) -> int:
        known = self.known["texts"]
        if key not in known:
            (text,) = self.maker.record("texts", key, lambda: self.maker.text(row, key))
            known[key] = self.writer.add_text(text)
        return known[key]


def _payload(row: ManifestRow, keys: RecordKeys, videos: dict[str, str]) -> dict[str, Any]:
    texts = list(dict.fromkeys((row.caption, *row.paraphrases)))
    return {
        "subset": row.subset,
        "split": row.split,
        "duration_s": min(row.duration_s, keys.clip_s),
        "audio_path": row.audio_path,
        "latent_key": keys.latent(row.audio_sha256),
        "video_path": row.video_path,
        "video_key": keys.video(videos[row.video_path]) if row.video_path else None,
        "texts": texts,
        "text_keys": [keys.text(text) for text in texts],
    }


def _video_hashes(workspace: Workspace, rows: Sequence[ManifestRow]) -> dict[str, str]:
    """Returns path -> sha256 for the rows' videos: from the clips table, by reading the file where it is not there."""
    needed = {row.video_path for row in rows if row.video_path}
    table = workspace.table("ingest", Clip.TABLE)
    clips = iter_table(table, Clip) if table.exists() else iter(())
    known = {clip.video_path: clip.video_sha256 for clip in clips if clip.video_path and clip.video_sha256}
    hashes: dict[str, str] = {}
    for path in sorted(needed):
        file = workspace.path(path)
        hashes[path] = known.get(path) or (hash_file(file) if file.is_file() else "missing")
    return hashes


def _stats_rows(rows: Sequence[dict[str, Any]]) -> tuple[list[int], str]:
    """Returns which rows the latent statistics are from, and that in words: VTA training rows where there are any."""
    train = [index for index, row in enumerate(rows) if row["split"] == "train"]
    if vta := [index for index in train if rows[index]["subset"] == "vta"]:
        return vta, "vta training rows"
    if train:
        return train, "training rows (there are no vta training rows)"
    return list(range(len(rows))), "all rows (there are no training rows)"
