"""Ingest: from a corpus to clips of at most 8 s, each one checked, cut and hashed (SPEC D1 to D3)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, ClassVar, Final

import av
import numpy as np
import soundfile as sf

from data_contracts import Clip, ItemError, Row, to_json
from data_contracts.files import hash_file
from tasks.corpus.builtin import scenes
from tasks.engine import Item, ItemResult, Stage, each, hashed_files
from tasks.engine.workspace import Workspace, seed_for, write_json
from tasks.ingest.config import IngestConfig
from tasks.ingest.cut import Cut, audio_cuts, video_cut
from tasks.ingest.readers.greatest_hits import caption_of
from tasks.ingest.readers.hf import OpenShard
from tasks.ingest.recordings import file_identity
from tasks.ingest.source import Source, source_of_row, source_of_scene
from tasks.ingest.sources import Listing, list_recordings, lists_corpora, media_folders, shard_folders
from tasks.media.audio import SILENT_PEAK, DecodedAudio, decode_audio, require_audible, write_flac
from tasks.media.samples import Samples
from tasks.media.video import probe_video
from tasks.media.video_writer import cut_video

_VIDEO_SUFFIXES: Final = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi")
_COPY_SLACK_S: Final = 0.05


@dataclass(frozen=True)
class IngestStage(Stage):
    """One item per recording, one row per clip. `dataset_version` is part of every seed and split."""

    config: IngestConfig
    dataset_version: str
    name: ClassVar[str] = "ingest"
    version: ClassVar[int] = 4
    row_type: ClassVar[type[Row]] = Clip
    row_wise: ClassVar[bool] = True  # the table is written batch by batch
    _counted: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What the last listing counted per source: a run lists once."""

    def settings(self) -> dict[str, Any]:
        """Returns the cutting rules and the version; shares and corpus act through the items."""
        rules = self.config.model_dump(include={"clip_s", "min_s", "split_from_s", "max_portions", "max_side"})
        return {**rules, "dataset_version": self.dataset_version}

    def items(self, workspace: Workspace) -> Iterator[Item]:  # noqa: ARG002 (the first stage reads no table)
        """Yields one item per scene or table row. Raises UsageError for a table that cannot be used."""
        corpus = self.config.corpus
        builtin = [c for c in self.config.corpora or (corpus,) if c.kind == "builtin"]
        yield from (Item(scene.scene_id, {"scene": scene.to_dict()}) for c in builtin for scene in scenes(c))
        if not lists_corpora(self.config):
            return
        files, shards = media_folders(self.config), shard_folders(self.config)
        shard_identity = lru_cache(maxsize=1)(file_identity)  # its records follow each other: it is looked at once
        for r in self._listing().recordings:
            if r.row is None:
                yield Item(r.item_id, r.payload(files[r.corpus]))
            else:
                yield Item(r.item_id, r.payload(shards[r.corpus], shard_identity))

    def process(self, items: Sequence[Item], workspace: Workspace) -> Iterator[ItemResult]:
        """Cuts each recording; a broken one becomes an ItemError with its own reason."""
        yield from each(items, partial(self._clips, workspace=workspace, opened=OpenShard()))

    def item_files(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Returns the clip's audio, and its video where it has one."""
        return hashed_files(row, "audio", "video")

    def outputs(self, workspace: Workspace) -> dict[str, None]:  # noqa: ARG002
        """Names the counts per source, where lists are read."""
        return {"sources.json": None} if lists_corpora(self.config) else {}

    def on_finished(self, workspace: Workspace) -> str:
        """Leaves `ingest/sources.json`: what each list names, what is missing, captions refused per rule.

        Returns what is missing, per source, for the stage's line.
        """
        if not lists_corpora(self.config):
            return ""
        sources = self._counted or self._listing().sources
        write_json(workspace.stage(self.name) / "sources.json", sources)
        missing = {name: counts["missing"] for name, counts in sources.items() if counts["missing"]}
        named = ", ".join(f"{name} {count:,}" for name, count in missing.items())
        listed = "listed in ingest/sources.json and the quarantine"
        return f"missing {sum(missing.values()):,} files ({named}; {listed})" if missing else ""

    def _listing(self) -> Listing:
        listing = list_recordings(self.config, self.dataset_version)
        self._counted.clear()
        self._counted.update(listing.sources)
        return listing

    def _clips(self, item: Item, workspace: Workspace, opened: OpenShard) -> list[Clip]:
        if "scene" not in item.payload:
            return self._listed(item, workspace, opened)
        with tempfile.TemporaryDirectory(dir=workspace.stage(self.name), prefix=".tmp-render-") as folder:
            return self._cut(source_of_scene(item, Path(folder)), workspace)

    def _listed(self, item: Item, workspace: Workspace, opened: OpenShard) -> list[Clip]:
        folders = media_folders if item.payload.get("row") is None else shard_folders
        source = source_of_row(item, folders(self.config)[item.payload.get("corpus", "")], self.config)
        if item.payload.get("row") is None:
            return self._cut(source, workspace)
        with tempfile.TemporaryDirectory(dir=workspace.stage(self.name), prefix=".tmp-record-") as folder:
            inside = Path(folder) / "record"
            inside.write_bytes(opened.record_bytes(source.audio, item.payload["row"]))
            return self._cut(replace(source, audio=inside), workspace)

    def _cut(self, source: Source, workspace: Workspace) -> list[Clip]:
        sound = decode_audio(source.audio)
        require_audible(sound.samples_T, sound.rate_hz, min_s=self.config.min_s, name=source.audio.name)
        if source.video is not None:
            cut, video = self._cut_picture(source, sound, workspace)
            _require_audible(_portion(sound, cut), source, cut)
            return [self._clip(source, source.item_id, sound, cut, video, workspace)]
        cuts = audio_cuts(sound.duration_s, self.config)[: source.portions]
        audible = [cut for cut in cuts if _peak(_portion(sound, cut)) > SILENT_PEAK]
        if not audible:
            raise ItemError("silent", f"{source.audio.name}: none of the {len(cuts)} portions taken can be heard")
        names = [source.item_id if len(cuts) == 1 else f"{source.item_id}~p{cuts.index(cut) + 1}" for cut in audible]
        return [self._clip(source, name, sound, cut, None, workspace) for name, cut in zip(names, audible, strict=True)]

    def _cut_picture(self, source: Source, sound: DecodedAudio, workspace: Workspace) -> tuple[Cut, Path]:
        """Returns the cut of picture and sound together, and the workspace's own copy of the picture."""
        assert source.video is not None
        info = probe_video(source.video)
        cut = video_cut(min(info.duration_s, sound.duration_s), self.config)
        if cut.duration_s < self.config.min_s:
            raise ItemError(
                "too_short",
                f"{source.video.name}: {cut.duration_s:.3f} s of picture; {self.config.min_s:g} s are needed",
            )
        folder = workspace.stage(self.name) / "video"
        if cut.start_s == 0.0 and info.duration_s <= cut.duration_s + _COPY_SLACK_S:
            out = folder / f"{source.item_id}{_suffix(source.video)}"
            folder.mkdir(exist_ok=True)
            partial_copy = out.with_name(f".tmp-{out.name}")
            shutil.copyfile(source.video, partial_copy)
            partial_copy.replace(out)
        else:
            out = folder / f"{source.item_id}.mp4"
            cut_video(
                source.video,
                out,
                start_s=cut.start_s,
                duration_s=cut.duration_s,
                max_side=self.config.max_side,
            )
        return cut, out

    def _clip(
        self, source: Source, item_id: str, sound: DecodedAudio, cut: Cut, video: Path | None, workspace: Workspace
    ) -> Clip:
        samples_T = _portion(sound, cut)
        peak = _peak(samples_T)
        attributes, caption, times_s = _in_cut(source, cut)
        if peak > 1.0:  # a lossy decoder's overshoot: 16 bits would clip it
            samples_T = samples_T / np.float32(peak)
            attributes["ingest_gain_db"] = round(-20 * float(np.log10(peak)), 3)
        path = workspace.stage(self.name) / "audio" / f"{item_id}.flac"
        write_flac(path, samples_T, sound.rate_hz)
        return Clip(
            item_id=item_id,
            source=source.name,
            source_path=source.path,
            source_sha256=hash_file(source.audio),
            source_start_s=round(cut.start_s, 6),
            group_id=source.group,
            subset="tta" if video is None else "vta",
            split=source.split,
            caption=caption,
            audio_path=workspace.relative(path),
            audio_sha256=hash_file(path),
            sample_rate_hz=sound.rate_hz,
            source_channels=sound.channels,
            source_duration_s=sound.duration_s,
            duration_s=len(samples_T) / sound.rate_hz,
            video_path=workspace.relative(video) if video else None,
            video_sha256=hash_file(video) if video else None,
            event_times_s=times_s,
            attributes_json=to_json(attributes),
            licence=source.licence,
            seed=seed_for(self.dataset_version, "ingest", item_id),
            tools_json=to_json({"av": av.__version__, "libsndfile": sf.__libsndfile_version__}),
        )


def _portion(sound: DecodedAudio, cut: Cut) -> Samples:
    start = round(cut.start_s * sound.rate_hz)
    return sound.samples_T[start : start + round(cut.duration_s * sound.rate_hz)]


def _peak(samples_T: Samples) -> float:
    return float(np.max(np.abs(samples_T), initial=0.0))


def _require_audible(samples_T: Samples, source: Source, cut: Cut) -> None:
    if _peak(samples_T) <= SILENT_PEAK:
        raise ItemError(
            "silent", f"{source.audio.name}: nothing can be heard from {cut.start_s:.2f} s on, the part that is kept"
        )


def _in_cut(source: Source, cut: Cut) -> tuple[dict[str, Any], str, tuple[float, ...] | None]:
    """Returns the attributes, the caption and the event times of what is kept: events outside of it are not said."""
    attributes = dict(source.attributes)
    if not source.events:
        return attributes, source.caption, _shifted(source.event_times_s, cut)
    kept = [event for event in source.events if 0 <= event[0] - cut.start_s < cut.duration_s]
    if not kept:
        raise ItemError("no_event", f"{source.path}: no hit lies in the part kept, from {cut.start_s:.2f} s on")
    attributes["events"] = [[round(time - cut.start_s, 6), material, action] for time, material, action in kept]
    return attributes, caption_of(kept), _shifted(source.event_times_s, cut)


def _shifted(times_s: tuple[float, ...] | None, cut: Cut) -> tuple[float, ...] | None:
    if times_s is None:
        return None
    moved = (round(time - cut.start_s, 6) for time in times_s)
    return tuple(time for time in moved if 0 <= time < cut.duration_s)


def _suffix(path: Path) -> str:
    return path.suffix.lower() if path.suffix.lower() in _VIDEO_SUFFIXES else ".mp4"
