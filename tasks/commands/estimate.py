"""What a run would take, before anything runs: items, hours, disk, LLM calls and money (`foleygenex plan`).

Rows are counted with the stages' own rules, one batch in memory at a time; lengths come from `tasks/ingest/planned.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from data_contracts.adverbs import changes_for
from tasks.commands.llm_estimate import LLMEstimate, estimate_calls
from tasks.config import PipelineConfig
from tasks.ingest.planned import Plan, PlannedRecording
from tasks.llm.backend import model_of
from tasks.llm.cache import COMPLETIONS
from tasks.mine.match import Match, select
from tasks.mine.miner import RuleMiner
from tasks.mine.parser import make_miner

_BATCH: Final = 4096  # captions mined at a time
_FLAC_SHARE: Final = 0.6  # of 16-bit samples


@dataclass(slots=True)
class Counted:
    """What the data stages would make, counted with their own rules; `asked` are (caption, level) to be written."""

    recordings: int = 0
    sampled: int = 0
    unreadable: int = 0
    clips: int = 0
    videos: int = 0
    seconds: float = 0.0
    sound_bytes: float = 0.0
    video_bytes: int = 0
    mined: int = 0
    augmented: int = 0
    captions: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def disk_bytes(self) -> int:
        """Sound and video of the clips and of what augmentation makes of them."""
        mean = self.sound_bytes / self.clips if self.clips else 0.0
        return round(self.sound_bytes + mean * self.augmented + self.video_bytes)


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
    config: PipelineConfig,
    *,
    price_in: float | None = None,
    price_out: float | None = None,
    backend: str | None = None,
    sizes: bool = True,
) -> Estimate:
    """Returns what a run of `config` would take. `backend` is the writer's kind, by default the config's own choice.

    Prices are per million tokens, by default the config's. Without `sizes` there are no lines on features and training,
    for which every encoder is loaded and timed. Raises UsageError for a corpus that cannot be read.
    """
    found = count(config)
    kind = backend or _backend(config)
    llm = _llm(found.asked, config, kind)
    new, prices = len(found.asked), (_or(price_in, config.llm.price_in), _or(price_out, config.llm.price_out))
    return Estimate(
        recordings=found.recordings,
        sampled=found.sampled,
        unreadable=found.unreadable,
        clips=found.clips,
        clip_hours=found.seconds / 3600,
        mined=found.mined,
        augmented=found.augmented,
        recaption_calls=llm.recaption_calls,
        paraphrase_calls=llm.paraphrase_calls,
        cached_answers=llm.cached,
        rule_rows=new if kind == "rules" else new - _capped(new, config.llm.max_recaptions),
        tokens_in=llm.tokens_in,
        tokens_out=llm.tokens_out,
        cost=_cost(llm.tokens_in, llm.tokens_out, prices, config, kind),
        disk_bytes=found.disk_bytes,
        features=_features(found, config) if sizes else [],
    )


def count(config: PipelineConfig) -> Counted:
    """Returns what the data stages would make of the corpora; mining is by rules where the parser's model is not there.

    Raises UsageError for a corpus that cannot be read.
    """
    found = Counted()
    plan = Plan(config.ingest, config.dataset_version)
    miner = RuleMiner() if config.mine.parser == "rules" else make_miner("auto")
    recordings = iter(plan)
    while batch := list(islice(recordings, _BATCH)):
        _add_clips(found, batch)
        mined = [recording for recording in batch if recording.split in config.mine.splits and recording.clips_s]
        for recording, matches in zip(mined, miner.find([r.caption for r in mined]), strict=True):
            _add_changes(found, recording, matches)
    found.recordings, found.sampled, found.unreadable = plan.recordings, plan.sampled, plan.unreadable
    return found


def _add_clips(found: Counted, recordings: Sequence[PlannedRecording]) -> None:
    for recording in recordings:
        clips, seconds = len(recording.clips_s), sum(recording.clips_s)
        found.clips += clips
        found.seconds += seconds
        found.sound_bytes += seconds * recording.rate_hz * 2 * _FLAC_SHARE
        if clips:
            found.captions.add(recording.caption)
            found.videos += recording.has_video
            found.video_bytes += recording.video_bytes


def _add_changes(found: Counted, recording: PlannedRecording, matches: Sequence[Match]) -> None:
    """Adds what the clips of one recording are mined and changed to."""
    matches = select(matches)
    changes = [change for match in matches for change in changes_for(match.side)]
    clips = len(recording.clips_s)
    found.mined += len(matches) * clips
    found.augmented += len(changes) * clips
    asked = [(recording.caption, change.level) for change in changes if change.operation != "original"]
    found.asked += asked * clips


def _backend(config: PipelineConfig) -> str:
    from tasks.llm.backend import choose_backend

    return choose_backend(config.llm).kind if config.llm.backend == "auto" else config.llm.backend


def _llm(asked: Sequence[tuple[str, str]], config: PipelineConfig, kind: str) -> LLMEstimate:
    """Returns the calls still to be made, by the real prompts, answers in the workspace's cache subtracted."""
    if kind == "rules":
        return LLMEstimate()
    answers = Path(config.workspace).joinpath(*COMPLETIONS)
    return estimate_calls(asked, model_of(config.llm, kind), config.llm, answers, kind)


def _cost(
    tokens_in: int, tokens_out: int, prices: tuple[float, float], config: PipelineConfig, kind: str
) -> float | None:
    """Returns the money; None where an endpoint is asked and no price is known."""
    if kind == "endpoint" and tokens_in and not any(prices):
        return None
    return (tokens_in * prices[0] + tokens_out * prices[1]) / 1e6 * _price_share(config, kind)


def _price_share(config: PipelineConfig, kind: str) -> float:
    return config.llm.batch_price if config.llm.batch and kind == "endpoint" else 1.0


def _features(found: Counted, config: PipelineConfig) -> list[str]:
    """Returns the lines on features and on training's files.

    Augmented rows count as one new sound and caption each, the most they can be.
    """
    from tasks.precompute.rates import measured_rates
    from tasks.precompute.size import Counts, size_lines
    from tasks.train.size import training_line

    paraphrases = config.llm.paraphrases
    counts = Counts(
        sounds=found.clips + found.augmented,
        videos=found.videos,
        texts=len(found.captions) + found.augmented * (1 + paraphrases),
    )
    rates = measured_rates(config.precompute)
    lines = size_lines(config.precompute, counts, paraphrases=paraphrases, rates=rates)
    return [*lines, training_line(config.train, config.precompute)]


def _capped(count: int, limit: int | None) -> int:
    return count if limit is None else min(count, limit)


def _or(value: float | None, default: float) -> float:
    return default if value is None else value
