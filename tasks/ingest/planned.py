"""What ingest would make of the corpora, before it runs: recordings with their clips' lengths, one in memory at a time.

Lists and folders are read as ingest reads them; lengths come from file headers, of a sample where there are many.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from data_contracts import ItemError
from tasks.corpus.builtin import scenes
from tasks.engine import Item
from tasks.ingest.config import IngestConfig
from tasks.ingest.cut import audio_cuts
from tasks.ingest.listing import list_recordings, lists_corpora, media_folders, shard_folders
from tasks.ingest.readers.hf import OpenShard
from tasks.ingest.readers.text_rules import invalid_rule
from tasks.ingest.recordings import SPLIT_RANK, Recording, clean_caption
from tasks.ingest.sample import EvenSample
from tasks.media.audio import flac_bytes, probe_audio, read_audio
from tasks.media.samples import Samples

SAMPLED: Final = 200
PROBED: Final = 8
"""How many recordings are decoded."""
_RENDERED_VIDEO_BYTES: Final = 55_000  # mean of the 1,200 videos of the built-in corpus
_RENDERED_FLAC_SHARE: Final = 0.31  # mean of its 1,520 clips
_Header = tuple[float, int]
"""Duration in seconds and sample rate in Hz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRecording:
    """A recording: the lengths in seconds of the clips that would be cut from it, and of what is kept after them."""

    caption: str
    split: str
    has_video: bool
    clips_s: tuple[float, ...]
    rate_hz: int
    video_bytes: int
    tails_s: float = 0.0


@dataclass(slots=True)
class PlannedCorpus:
    """Iterated once, gives the recordings that ingest will not quarantine; its counts are complete after that."""

    config: IngestConfig
    version: str
    recordings: int = 0
    sampled: int = 0
    unreadable: int = 0
    flac_share: float = _RENDERED_FLAC_SHARE
    """Bytes of a FLAC file by those of its 16-bit samples: of some recordings, encoded for that."""
    probed: list[Item] = field(default_factory=list)
    """A few of the recordings, as items of ingest."""

    def __iter__(self) -> Iterator[PlannedRecording]:
        for planned in self._rendered():
            self.sampled += 1
            self.recordings += 1
            yield planned
        if lists_corpora(self.config):
            for planned in self._listed():
                self.recordings += 1
                yield planned

    def _rendered(self) -> Iterator[PlannedRecording]:
        for corpus in self.config.corpora or (self.config.corpus,):
            for scene in scenes(corpus) if corpus.kind == "builtin" else ():
                if len(self.probed) < PROBED:
                    self.probed.append(Item(scene.scene_id, {"scene": scene.to_dict()}))
                yield PlannedRecording(
                    caption=scene.caption,
                    split=scene.split,
                    has_video=scene.has_video,
                    clips_s=self._clips_s((8.0, 16_000), has_video=scene.has_video),
                    rate_hz=16_000,
                    video_bytes=_RENDERED_VIDEO_BYTES if scene.has_video else 0,
                )

    def _listed(self) -> Iterator[PlannedRecording]:
        listing = list_recordings(self.config, self.version).recordings
        sample = EvenSample[Recording](SAMPLED)
        for recording in filter(_usable, listing):
            sample.add(recording)
        headers, step = _Headers(self.config), sample.step
        known = [headers.read(recording) for recording in sample.kept]
        self._measure_audio(headers, sample.kept)
        good = [header for header in known if header]
        self.sampled += len(known)
        self.unreadable += len(known) - len(good)
        mean = (sum(h[0] for h in good) / len(good), round(sum(h[1] for h in good) / len(good))) if good else (0.0, 0)
        for number, recording in enumerate(filter(_usable, listing)):
            header = mean if number % step else known[number // step]
            if header is not None and not _refused(recording):
                yield self._planned(recording, header, headers.path(recording))

    def _measure_audio(self, headers: _Headers, sample: Sequence[Recording]) -> None:
        """Encodes the first seconds of a few recordings: how far FLAC gets depends on the audio."""
        chosen = sample[:: max(1, len(sample) // PROBED)][:PROBED]
        self.probed += [headers.item(recording) for recording in chosen]
        written = samples = 0
        for recording in chosen:
            first = headers.first_samples(recording, self.config.clip_s)
            if first is not None:
                written, samples = written + len(flac_bytes(*first)), samples + len(first[0])
        if samples:
            self.flac_share = written / (2 * samples)

    def _planned(self, recording: Recording, header: _Header, path: Path) -> PlannedRecording:
        has_video = bool(recording.video)
        kept = min(1.0, self.config.clip_s / header[0]) if header[0] else 0.0
        return PlannedRecording(
            caption=recording.caption,
            split=recording.split,
            has_video=has_video,
            clips_s=self._clips_s(header, has_video=has_video)[: recording.portions],
            rate_hz=header[1],
            video_bytes=round(kept * path.stat().st_size) if has_video and path.is_file() else 0,
            tails_s=0.0 if has_video else self._tails_s(header[0], recording.portions),
        )

    def _tails_s(self, duration_s: float, portions: int | None) -> float:
        """Returns how much is kept of what follows the clips of a recording without video, in seconds."""
        ends_s = [cut.start_s + cut.duration_s for cut in audio_cuts(duration_s, self.config)[:portions]]
        return sum(min(self.config.tail_s, max(0.0, duration_s - end_s)) for end_s in ends_s)

    def _clips_s(self, header: _Header, *, has_video: bool) -> tuple[float, ...]:
        """Returns the clips' lengths: one with a video, portions without (SPEC D1-D3)."""
        duration_s = header[0]
        if duration_s < self.config.min_s:
            return ()
        if has_video:
            return (min(duration_s, self.config.clip_s),)
        return tuple(cut.duration_s for cut in audio_cuts(duration_s, self.config))


def _usable(recording: Recording) -> bool:
    """Whether the row has a file and a split: ingest quarantines the others."""
    return not recording.missing and recording.split in SPLIT_RANK


def _refused(recording: Recording) -> bool:
    """Whether ingest will quarantine the row for its caption."""
    try:
        clean_caption(recording.caption)
    except ItemError:
        return True
    return recording.filtered and invalid_rule(recording.caption) is not None


class _Headers:
    """Lengths and rates from files' headers."""

    def __init__(self, config: IngestConfig) -> None:
        self._media, self._shards = media_folders(config), shard_folders(config)
        self._opened = OpenShard()

    def path(self, recording: Recording) -> Path:
        """Returns the file of a recording: its video where it has one."""
        return self._media[recording.corpus] / (recording.video or recording.audio)

    def read(self, recording: Recording) -> _Header | None:
        """Returns the audio's duration and rate, None when it cannot be read."""
        try:
            if recording.row is None:
                path = self._media[recording.corpus] / (recording.audio or recording.video)
                return probe_audio(path, path.name)
            return probe_audio(io.BytesIO(self._record(recording)), f"record {recording.row}")
        except ItemError:
            return None

    def first_samples(self, recording: Recording, duration_s: float) -> tuple[Samples, int] | None:
        """Returns mono samples (T,) of the first seconds and their rate, None when they cannot be read."""
        try:
            if recording.row is None:
                path = self._media[recording.corpus] / (recording.audio or recording.video)
                return read_audio(path, most_s=duration_s)
            with tempfile.NamedTemporaryFile() as file:
                file.write(self._record(recording))
                file.flush()
                return read_audio(Path(file.name), most_s=duration_s)
        except ItemError:
            return None

    def item(self, recording: Recording) -> Item:
        """Returns the item that ingest makes of a recording."""
        folders = self._media if recording.row is None else self._shards
        return Item(recording.item_id, recording.payload(folders[recording.corpus]))

    def _record(self, recording: Recording) -> bytes:
        return self._opened.record_bytes(self._shards[recording.corpus] / recording.audio, int(recording.row or 0))
