"""What a run would take, before anything runs: items, hours, disk, LLM calls and money (`foleygenex plan`).

Rows are counted with the stages' own rules; durations are read from file headers, of a sample where there are many.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import av
import soundfile as sf

from data_contracts import ItemError
from tasks.augment.plan import changes_for
from tasks.config import PipelineConfig
from tasks.corpus.builtin import scenes
from tasks.ingest.cut import audio_cuts
from tasks.ingest.readers.hf import record_bytes
from tasks.ingest.recordings import Recording
from tasks.ingest.sources import list_recordings, media_folders, shard_folders
from tasks.llm.backend import model_of
from tasks.llm.cache import ANSWERS
from tasks.llm.estimate import LLMEstimate, estimate_calls
from tasks.mine.match import select
from tasks.mine.miner import RuleMiner
from tasks.mine.parser import make_miner

SAMPLED: Final = 200
_SPLITS: Final = ("train", "val", "test")
_FLAC_SHARE: Final = 0.6  # of 16-bit samples
_BUILTIN_VIDEO_BYTES: Final = 150_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recording:
    caption: str
    split: str
    has_video: bool
    duration_s: float
    rate_hz: int
    video_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Counts are exact up to quarantine; hours and bytes are estimates where `sampled` is below `recordings`."""

    recordings: int
    sampled: int
    unreadable: int
    clips: int
    clip_hours: float
    mined: int
    augmented: int
    recaption_calls: int
    paraphrase_calls: int
    cached_answers: int
    rule_rows: int
    tokens_in: int
    tokens_out: int
    cost: float | None  # None: calls that cost money, at prices that were not given
    disk_bytes: int
    features: list[str]  # lines of tasks/precompute/size.py

    def text(self) -> str:
        """Returns the lines a person reads."""
        note = "" if self.sampled == self.recordings else f" (lengths from {self.sampled} of them)"
        bad = f"; {self.unreadable} of {self.sampled} looked at cannot be read" if self.unreadable else ""
        return "\n".join(
            [
                f"recordings   {self.recordings:,}{note}{bad}",
                f"clips        {self.clips:,} = {self.clip_hours:,.1f} h of audio",
                f"mined        {self.mined:,} captions name a side (SPEC A1)",
                f"augmented    {self.augmented:,} sounds to caption",
                f"disk         about {self.disk_bytes / 1e9:,.1f} GB of sound and video, features not included",
                *self.features,
                f"LLM          {self.recaption_calls:,} captions + {self.paraphrase_calls:,} paraphrase calls "
                f"({self.cached_answers:,} answered already); rules write {self.rule_rows:,} captions",
                f"tokens       about {self.tokens_in:,} in, {self.tokens_out:,} out, before retries",
                f"cost         {self._cost()}",
            ]
        )

    def _cost(self) -> str:
        if self.cost is None:
            return "unknown: give --price-in and --price-out, per million tokens"
        return f"about {self.cost:,.2f} at the given prices" if self.cost else "none"


def estimate(
    config: PipelineConfig, *, price_in: float | None = None, price_out: float | None = None, backend: str | None = None
) -> Estimate:
    """Returns what a run of `config` would take. `backend` is the writer's kind, by default the config's own choice.

    Prices are per million tokens, by default the config's. Raises UsageError for a corpus that cannot be read.
    """
    recordings, sampled, unreadable = _recordings(config)
    clips = [clip for recording in recordings for clip in _clips(recording, config)]
    named = _named(clips, config)
    sides = [side for _, found in named for side in found]
    changes = [change for dimension, side in sides for change in changes_for(dimension, side)]
    new = sum(change.operation != "original" for change in changes)
    kind = backend or _backend(config)
    llm = _llm(named, config, kind)
    tokens_in, tokens_out = llm.tokens_in, llm.tokens_out
    prices = (_or(price_in, config.llm.price_in), _or(price_out, config.llm.price_out))
    return Estimate(
        recordings=len(recordings),
        sampled=sampled,
        unreadable=unreadable,
        clips=len(clips),
        clip_hours=sum(clip.duration_s for clip in clips) / 3600,
        mined=len(sides),
        augmented=len(changes),
        recaption_calls=llm.recaption_calls,
        paraphrase_calls=llm.paraphrase_calls,
        cached_answers=llm.cached,
        rule_rows=new if kind == "rules" else new - _capped(new, config.llm.max_recaptions),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost=_cost(tokens_in, tokens_out, prices, config, kind),
        disk_bytes=_disk(clips, len(changes)),
        features=_features(clips, len(changes), config),
    )


def _recordings(config: PipelineConfig) -> tuple[list[_Recording], int, int]:
    """Returns the recordings, how many lengths were read, and how many of those could not be."""
    corpus = config.ingest.corpus
    builtin = [c for c in config.ingest.corpora or (corpus,) if c.kind == "builtin"]
    found = [
        _Recording(
            caption=scene.caption,
            split=scene.split,
            has_video=scene.has_video,
            duration_s=8.0,
            rate_hz=16_000,
            video_bytes=_BUILTIN_VIDEO_BYTES if scene.has_video else 0,
        )
        for each in builtin
        for scene in scenes(each)
    ]
    if len(builtin) == len(config.ingest.corpora or (corpus,)):
        return found, len(found), 0
    listed, sampled, unreadable = _listed_recordings(config)
    return [*found, *listed], len(found) + sampled, unreadable


def _listed_recordings(config: PipelineConfig) -> tuple[list[_Recording], int, int]:
    listing = list_recordings(config.ingest, config.dataset_version)
    rows = [r for r in listing.recordings if not r.missing and r.split in _SPLITS]  # ingest quarantines the others
    folders = media_folders(config.ingest)
    step = max(1, -(-len(rows) // SAMPLED))
    known = {row.item_id: _row_header(row, config) for row in rows[::step]}
    good = [header for header in known.values() if header]
    mean_s = sum(header[0] for header in good) / len(good) if good else 0.0
    rate_hz = round(sum(header[1] for header in good) / len(good)) if good else 0
    recordings = []
    for row in rows:
        header = known.get(row.item_id, (mean_s, rate_hz))
        if header is None:
            continue  # ingest will quarantine it
        video = folders[row.corpus] / row.video if row.video else None
        recordings.append(
            _Recording(
                caption=row.caption,
                split=row.split,
                has_video=video is not None,
                duration_s=header[0],
                rate_hz=header[1],
                video_bytes=video.stat().st_size if video is not None and video.is_file() else 0,
            )
        )
    return recordings, len(known), len(known) - len(good)


def _row_header(row: Recording, config: PipelineConfig) -> tuple[float, int] | None:
    if row.row is None:
        return _header(media_folders(config.ingest)[row.corpus] / (row.audio or row.video))
    try:  # hf: the sound lies in a shard
        info = sf.info(io.BytesIO(record_bytes(shard_folders(config.ingest)[row.corpus] / row.audio, row.row)))
    except (ItemError, sf.SoundFileError, OSError):
        return None
    return info.duration, info.samplerate


def _header(path: Path) -> tuple[float, int] | None:
    """Returns (duration in seconds, sample rate) from a file's header, None when it has none."""
    try:
        info = sf.info(str(path))
    except (sf.SoundFileError, OSError):
        return _container_header(path)
    return info.duration, info.samplerate


def _container_header(path: Path) -> tuple[float, int] | None:
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio or container.duration is None:
                return None
            return container.duration / 1e6, container.streams.audio[0].rate
    except (av.FFmpegError, OSError):
        return None


def _clips(recording: _Recording, config: PipelineConfig) -> Iterable[_Recording]:
    """Yields the clips of a recording: one with a picture, portions without (SPEC D1-D3)."""
    if recording.duration_s < config.ingest.min_s:
        return
    if recording.has_video:
        yield replace(recording, duration_s=min(recording.duration_s, config.ingest.clip_s))
        return
    for cut in audio_cuts(recording.duration_s, config.ingest):
        yield replace(recording, duration_s=cut.duration_s)


def _named(clips: Sequence[_Recording], config: PipelineConfig) -> list[tuple[str, list[tuple[str, str]]]]:
    """Returns each mined clip's caption and sides; by rules where the parser's model is not there yet."""
    captions = [clip.caption for clip in clips if clip.split in config.mine.splits]
    miner = RuleMiner() if config.mine.parser == "rules" else make_miner("auto")
    found = miner.find(captions)
    return [
        (caption, [(match.dimension, match.side) for match in select(matches)])
        for caption, matches in zip(captions, found, strict=True)
    ]


def _backend(config: PipelineConfig) -> str:
    from tasks.llm.backend import choose_backend

    return choose_backend(config.llm).kind if config.llm.backend == "auto" else config.llm.backend


def _llm(named: Sequence[tuple[str, list[tuple[str, str]]]], config: PipelineConfig, kind: str) -> LLMEstimate:
    """Returns the calls still to be made, by the real prompts, answers in the workspace's cache subtracted."""
    if kind == "rules":
        return LLMEstimate()
    rows = [
        (caption, change.level)
        for caption, sides in named
        for dimension, side in sides
        for change in changes_for(dimension, side)
        if change.operation != "original"
    ]
    answers = Path(config.workspace).joinpath(*ANSWERS)
    return estimate_calls(rows, model_of(config.llm, kind), config.llm, answers, kind)


def _cost(
    tokens_in: int, tokens_out: int, prices: tuple[float, float], config: PipelineConfig, kind: str
) -> float | None:
    """Returns the money; None where an endpoint is asked and no price is known."""
    if kind == "endpoint" and tokens_in and not any(prices):
        return None
    return (tokens_in * prices[0] + tokens_out * prices[1]) / 1e6 * _price_share(config, kind)


def _price_share(config: PipelineConfig, kind: str) -> float:
    return config.llm.batch_price if config.llm.batch and kind == "endpoint" else 1.0


def _disk(clips: Sequence[_Recording], augmented: int) -> int:
    sound = [clip.duration_s * clip.rate_hz * 2 * _FLAC_SHARE for clip in clips]
    mean = sum(sound) / len(sound) if sound else 0.0
    return round(sum(sound) + mean * augmented + sum(clip.video_bytes for clip in clips))


def _features(clips: Sequence[_Recording], augmented: int, config: PipelineConfig) -> list[str]:
    """Returns the lines on features and on training's files.

    Augmented rows count as one new sound and caption each, the most they can be.
    """
    from tasks.precompute.rates import measured_rates
    from tasks.precompute.size import Counts, size_lines
    from tasks.train.size import training_line

    paraphrases = config.llm.paraphrases
    counts = Counts(
        sounds=len(clips) + augmented,
        videos=sum(clip.has_video for clip in clips),
        texts=len({clip.caption for clip in clips}) + augmented * (1 + paraphrases),
    )
    rates = measured_rates(config.precompute)
    lines = size_lines(config.precompute, counts, paraphrases=paraphrases, rates=rates)
    return [*lines, training_line(config.train, config.precompute)]


def _capped(count: int, limit: int | None) -> int:
    return count if limit is None else min(count, limit)


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
