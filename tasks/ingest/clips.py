"""Makes clips of one recording: decodes it, cuts it, writes its files, returns its rows (SPEC D1 to D3)."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import soundfile as sf

from data_contracts import ItemError, to_json
from data_contracts.files import atomic_path, hash_file
from tasks.corpus.config import RENDERED
from tasks.engine.workspace import Workspace, seed_for
from tasks.ingest.config import IngestConfig
from tasks.ingest.cut import Cut, audible_cuts, video_cut
from tasks.ingest.duplicates import IngestedClip
from tasks.ingest.readers.greatest_hits import caption_of
from tasks.ingest.resolve import ResolvedRecording
from tasks.media.audio import is_audible, peak_of, write_flac
from tasks.media.fingerprint import text_of
from tasks.media.samples import Samples
from tasks.media.silence import SILENCE_DB, audible_span
from tasks.media.survey import Survey, survey_audio
from tasks.media.video import probe_video
from tasks.media.video_copy import copy_start, copy_video
from tasks.media.video_writer import cut_video

_STAGE: Final = "ingest"
_VIDEO_SUFFIXES: Final = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi")
_COPY_SLACK_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class ClipMaker:
    """Cuts recordings by the rules of `config` into clips of a workspace."""

    config: IngestConfig
    dataset_version: str
    workspace: Workspace

    def clips(self, recording: ResolvedRecording) -> list[IngestedClip]:
        """Returns the recording's clips, their files written: one with a video, else one per audible portion.

        The first one has the fingerprint of the whole recording. Raises ItemError with the reason for which there is
        none.
        """
        audio = survey_audio(recording.audio)
        audio.require_audible(min_s=self.config.min_s)
        clips = self._cut(recording, audio)
        if recording.name != RENDERED:  # a scene's group and split are those of its object
            clips[0] = replace(clips[0], fingerprint=text_of(audio.peaks_N))
        return clips

    def _cut(self, recording: ResolvedRecording, audio: Survey) -> list[IngestedClip]:
        if recording.video is not None:
            return [self._with_video(recording, recording.video, audio)]
        cuts = audible_cuts(audio.duration_s, audio.audible_s(SILENCE_DB), self.config)[: recording.portions]
        names = [recording.item_id] if len(cuts) == 1 else [f"{recording.item_id}~p{n + 1}" for n in range(len(cuts))]
        tails = [Cut(start_s=cut.start_s + cut.duration_s, duration_s=self.config.tail_s) for cut in cuts]
        samples = audio.portions([_span(cut, audio.rate_hz) for cut in (*cuts, *tails)])
        clips = [
            self._clip(recording, name, audio, cut, None, samples_T, _tail(recording, tail_T))
            for name, cut, samples_T, tail_T in zip(
                names, cuts, samples[: len(cuts)], samples[len(cuts) :], strict=True
            )
            if is_audible(samples_T, audio.rate_hz)
        ]
        if not clips:
            raise ItemError("silent", f"{recording.audio.name}: nothing is audible in the {len(cuts)} portions taken")
        return clips

    def _with_video(self, recording: ResolvedRecording, source: Path, audio: Survey) -> IngestedClip:
        """Returns the one clip of a video and its audio, cut together."""
        video_s = probe_video(source).duration_s
        cut = video_cut(min(video_s, audio.duration_s), self.config)
        whole = cut.start_s == 0.0 and video_s <= cut.duration_s + _COPY_SLACK_S
        copied_s = None if whole else copy_start(source, cut.start_s, max_side=self.config.copy_side)
        cut = cut if copied_s is None else replace(cut, start_s=copied_s)
        if cut.duration_s < self.config.min_s:
            too_short = f"{cut.duration_s:.3f} s of video; {self.config.min_s:g} s are needed"
            raise ItemError("too_short", f"{source.name}: {too_short}")
        (samples_T,) = audio.portions([_span(cut, audio.rate_hz)])
        if not is_audible(samples_T, audio.rate_hz):
            silent = f"nothing is audible from {cut.start_s:.2f} s on, the portion that is kept"
            raise ItemError("silent", f"{recording.audio.name}: {silent}")
        video = self._folder("video") / f"{recording.item_id}{_suffix(source) if whole else '.mp4'}"
        if whole:
            with atomic_path(video) as temporary:
                shutil.copyfile(source, temporary)
        elif copied_s is not None:
            copy_video(source, video, start_s=cut.start_s, duration_s=cut.duration_s)
        else:
            cut_video(source, video, start_s=cut.start_s, duration_s=cut.duration_s, max_side=self.config.max_side)
        return self._clip(recording, recording.item_id, audio, cut, video, samples_T, None)

    def _clip(
        self,
        recording: ResolvedRecording,
        item_id: str,
        audio: Survey,
        cut: Cut,
        video: Path | None,
        samples_T: Samples,
        tail_T: Samples | None,
    ) -> IngestedClip:
        attributes, caption, times_s = _in_cut(recording, cut)
        samples_T, tail_T, gain = _below_full_scale(samples_T, tail_T)
        channel = {} if audio.single_channel is None else {"ingest_channel": audio.single_channel}
        path = self._folder("audio") / f"{item_id}.flac"
        write_flac(path, samples_T, audio.rate_hz)
        tail_path = None if tail_T is None else self._folder("tail") / f"{item_id}.flac"
        if tail_path is not None and tail_T is not None:
            write_flac(tail_path, tail_T, audio.rate_hz)
        return IngestedClip(
            item_id=item_id,
            source=recording.name,
            source_path=recording.path,
            source_sha256=hash_file(recording.audio),
            source_start_s=round(cut.start_s, 6),
            group_id=recording.group,
            subset="tta" if video is None else "vta",
            split=recording.split,
            split_stated=recording.split_stated,
            caption=caption,
            audio_path=self.workspace.relative(path),
            audio_sha256=hash_file(path),
            sample_rate_hz=audio.rate_hz,
            source_channels=audio.channels,
            source_duration_s=audio.duration_s,
            duration_s=len(samples_T) / audio.rate_hz,
            video_path=self.workspace.relative(video) if video else None,
            video_sha256=hash_file(video) if video else None,
            tail_path=self.workspace.relative(tail_path) if tail_path else None,
            tail_sha256=hash_file(tail_path) if tail_path else None,
            event_times_s=times_s,
            attributes_json=to_json({**attributes, **gain, **channel}),
            licence=recording.licence,
            seed=seed_for(self.dataset_version, _STAGE, item_id),
            tools_json=to_json({"av": av.__version__, "libsndfile": sf.__libsndfile_version__}),
        )

    def _folder(self, kind: str) -> Path:
        return self.workspace.stage(_STAGE) / kind


def _span(cut: Cut, rate_hz: int) -> tuple[int, int]:
    """Returns a cut in samples: its first one and the one after its last."""
    start = round(cut.start_s * rate_hz)
    return start, start + round(cut.duration_s * rate_hz)


def _tail(recording: ResolvedRecording, tail_T: Samples) -> Samples | None:
    """Returns what follows a cut; None where that is silence, or where event times are known: they would be known of
    the clip alone."""
    if recording.event_times_s is not None:
        return None
    return tail_T if audible_span(tail_T, SILENCE_DB)[1] else None


def _below_full_scale(samples_T: Samples, tail_T: Samples | None) -> tuple[Samples, Samples | None, dict[str, float]]:
    """Returns a clip and its tail within full scale, by one gain, and that gain as an attribute.

    16 bits would clip a decoder's overshoot.
    """
    peak = max(peak_of(samples_T), 0.0 if tail_T is None else peak_of(tail_T))
    if peak <= 1.0:
        return samples_T, tail_T, {}
    gain = {"ingest_gain_db": round(-20 * float(np.log10(peak)), 3)}
    return samples_T / np.float32(peak), None if tail_T is None else tail_T / np.float32(peak), gain


def _in_cut(recording: ResolvedRecording, cut: Cut) -> tuple[dict[str, Any], str, tuple[float, ...] | None]:
    """Returns attributes, caption and event times of the portion kept: events outside of it are not mentioned."""
    attributes, times_s = dict(recording.attributes), recording.event_times_s
    moved = None if times_s is None else tuple(round(time - cut.start_s, 6) for time in times_s)
    kept_times = None if moved is None else tuple(time for time in moved if 0 <= time < cut.duration_s)
    if not recording.events:
        return attributes, recording.caption, kept_times
    kept = [event for event in recording.events if 0 <= event[0] - cut.start_s < cut.duration_s]
    if not kept:
        raise ItemError("no_event", f"{recording.path}: no hit in the portion kept, from {cut.start_s:.2f} s on")
    attributes["events"] = [[round(time - cut.start_s, 6), material, action] for time, material, action in kept]
    return attributes, caption_of(kept), kept_times


def _suffix(path: Path) -> str:
    return path.suffix.lower() if path.suffix.lower() in _VIDEO_SUFFIXES else ".mp4"
