"""What a run would take, before anything runs: items, hours, disk, LLM calls and money (`foleygenex plan`).

Rows are counted with the stages' own rules, one in memory at a time; lengths come from `tasks/ingest/planned.py`. Of
many captions an even sample is mined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from data_contracts import UsageError, WeightsError
from data_contracts.adverbs import changes_for
from data_contracts.quantities import counted, duration_text, size_text
from tasks.choices import with_choices
from tasks.commands.llm_estimate import SAMPLED, CaptionAtLevel, LLMEstimate, estimate_calls
from tasks.commands.stage_times import time_lines, work_of
from tasks.config import PipelineConfig
from tasks.engine import Item
from tasks.engine.workspace import Workspace
from tasks.ingest.planned import PlannedCorpus, PlannedRecording
from tasks.ingest.sample import EvenSample
from tasks.language.cues import Cue, CuedCaption
from tasks.llm.backend import kind_of, model_of
from tasks.llm.cache import COMPLETIONS
from tasks.llm.config import LLMConfig
from tasks.mine.miner import Miner, RuleMiner, select
from tasks.mine.parser import make_miner

if TYPE_CHECKING:
    from tasks.precompute.size import Counts

MINED: Final = 20_000
"""Most recordings whose captions are mined: parsing a caption takes a millisecond."""
_NO_SIZES: Final = "features     not counted, nor hours; `--sizes` runs encoders and stages on a few recordings for it"


@dataclass(slots=True)
class Counted:
    """What the data stages would make, by their own rules.

    `captioned` samples the recordings that are mined, and of theirs `for_llm` samples the captions to write; `to_write`
    is how many these are in all.
    """

    recordings: int = 0
    sampled: int = 0
    unreadable: int = 0
    clips: int = 0
    videos: int = 0
    seconds: float = 0.0
    sample_bytes: float = 0.0
    """Of the clips' audio as 16-bit samples; `tail_bytes` are those of what is kept after them."""
    tail_bytes: float = 0.0
    flac_share: float = 1.0
    video_bytes: int = 0
    captioned: EvenSample[PlannedRecording] = field(default_factory=lambda: EvenSample(MINED))
    mined: int = 0
    augmented: int = 0
    to_write: int = 0
    texts: set[int] = field(default_factory=set)
    """Hashes of the distinct captions of clips."""
    for_llm: EvenSample[CaptionAtLevel] = field(default_factory=lambda: EvenSample(SAMPLED))
    probed: list[Item] = field(default_factory=list)

    @property
    def disk_bytes(self) -> int:
        """Audio and video of the clips, what is kept of the audio after them, and audio of the augmented rows."""
        mean = self.sample_bytes / self.clips if self.clips else 0.0
        samples = self.sample_bytes + self.tail_bytes + mean * self.augmented
        return round(self.flac_share * samples + self.video_bytes)

    def add_clips(self, recording: PlannedRecording) -> None:
        """Adds the clips of a recording."""
        clips, seconds = len(recording.clips_s), sum(recording.clips_s)
        self.clips += clips
        self.seconds += seconds
        self.sample_bytes += seconds * recording.rate_hz * 2
        self.tail_bytes += recording.tails_s * recording.rate_hz * 2
        if clips:
            self.texts.add(hash(recording.caption))
            self.videos += recording.has_video
            self.video_bytes += recording.video_bytes

    def mine(self, miner: Miner) -> None:
        """Adds what the clips of the sampled recordings are mined for and changed to, scaled up to all of them."""
        sample = self.captioned.kept
        for recording, cues in zip(sample, miner.find([one.caption for one in sample]), strict=True):
            self._add_changes(recording, cues)
        scale = len(self.captioned) / len(sample) if sample else 1.0
        self.mined, self.augmented = round(scale * self.mined), round(scale * self.augmented)
        self.to_write = round(scale * len(self.for_llm))

    def _add_changes(self, recording: PlannedRecording, cues: Sequence[Cue]) -> None:
        selected = select(cues)
        changes = [
            (CuedCaption(text=recording.caption, cue=cue), change)
            for cue in selected
            for change in changes_for(cue.side)
        ]
        clips = len(recording.clips_s)
        self.mined += len(selected) * clips
        self.augmented += len(changes) * clips
        for caption, change in changes * clips:
            if change.operation != "original":
                self.for_llm.add((caption, change.level))


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run would take.

    Counts include what only the audio tells: recordings to quarantine, silence to trim and duplicates to leave out.
    Hours and bytes are estimates where not every recording was sampled.
    """

    found: Counted
    llm: LLMEstimate
    rule_rows: int
    cost: float | None  # None: calls that cost money, at prices that were not given
    features: list[str]  # lines of tasks/precompute/size.py
    times: list[str] = field(default_factory=list)  # lines of tasks/commands/stage_times.py

    def text(self) -> str:
        """Returns the lines for the user."""
        found, llm, calls = self.found, self.llm, self.llm.total
        note = "" if found.sampled == found.recordings else f" (lengths from {found.sampled} of them)"
        some = found.captioned
        source = f"SPEC A1, from {len(some.kept):,} captions" if len(some.kept) < len(some) else "SPEC A1"
        bad = f"; {found.unreadable} of {found.sampled} sampled cannot be read" if found.unreadable else ""
        return "\n".join(
            [
                f"recordings   {found.recordings:,}{note}{bad}",
                f"clips        {found.clips:,} = {duration_text(found.seconds)} of audio",
                f"mined        {counted(found.mined, 'mention')} of a side of speed, distance or volume ({source})",
                f"augmented    {counted(found.augmented, 'audio clip')} to caption",
                f"disk         about {size_text(found.disk_bytes)} of audio and video, features not included",
                *self.features,
                f"LLM          {counted(llm.recaption.number, 'caption')} + "
                f"{counted(llm.paraphrase.number, 'paraphrase call')} ({calls.cached:,} answered already); "
                f"rules write {counted(self.rule_rows, 'caption')}",
                f"tokens       about {calls.tokens_in:,} in, {calls.tokens_out:,} out, before retries",
                f"cost         {self._cost()}",
                *self.times,
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
    gpu_tflops: float | None = None,
) -> Estimate:
    """Returns what a run of `config` would take. `backend` is the kind of writer, by default the config's own choice.

    Prices are per million tokens, by default the config's; `gpu_tflops` is what one GPU reaches. Without `sizes` there
    are no lines on features, training and times, for which encoders and stages are run on a few recordings. Raises
    UsageError for a corpus that cannot be read.
    """
    config = with_choices(config, Workspace(Path(config.workspace)))
    found = count(config)
    kind = backend or kind_of(config.llm)
    prices = {"price_in": price_in, "price_out": price_out}
    llm_config = config.llm.model_copy(update={name: price for name, price in prices.items() if price is not None})
    rows = found.to_write
    by_llm, calls = 0, LLMEstimate()
    if kind != "rules":
        by_llm = rows if llm_config.max_recaptions is None else min(rows, llm_config.max_recaptions)
        completions = Path(config.workspace).joinpath(*COMPLETIONS)
        calls = estimate_calls(
            found.for_llm.kept, model_of(llm_config, kind), llm_config, completions, kind, total=rows
        )
    work = work_of(found.recordings, found.augmented, rows, kind, config)
    return Estimate(
        found=found,
        llm=calls,
        rule_rows=rows - by_llm,
        cost=_cost(calls, llm_config, kind),
        features=_features(found, config) if sizes else [_NO_SIZES],
        times=_times(config, found, work, kind, gpu_tflops) if sizes else [],
    )


def _times(
    config: PipelineConfig, found: Counted, work: Mapping[str, int], kind: str, gpu_tflops: float | None
) -> list[str]:
    from tasks.commands.gpu_times import gpu_line

    return [*time_lines(config, found.probed, work, kind), gpu_line(config, tflops=gpu_tflops)]


def planned_bytes(config: PipelineConfig) -> int:
    """Returns the disk space of a run: audio and video, features, and the training's files.

    Raises UsageError for a corpus that cannot be read. Features whose encoders are not here do not count.
    """
    from tasks.precompute.size import FeatureSize, planned_specs
    from tasks.train.size import training_bytes

    found = count(config)
    settings = config.precompute
    try:
        specs = planned_specs(settings)
    except (UsageError, WeightsError):
        return found.disk_bytes
    size = FeatureSize.of(specs, settings.clip_s, settings.dtype)
    features = size.total(_feature_counts(found, config))
    return found.disk_bytes + 2 * features + training_bytes(config.train, specs)  # single records, then packed


def count(config: PipelineConfig) -> Counted:
    """Returns what the data stages would make of the corpora; mined by rules where the parser's model is not fetched.

    Raises UsageError for a corpus that cannot be read.
    """
    found = Counted()
    plan = PlannedCorpus(config.ingest, config.dataset_version)
    miner = RuleMiner() if config.mine.parser == "rules" else make_miner("auto")
    for recording in plan:
        found.add_clips(recording)
        if recording.split in config.mine.splits and recording.clips_s:
            found.captioned.add(recording)
    found.mine(miner)
    found.recordings, found.sampled, found.unreadable = plan.recordings, plan.sampled, plan.unreadable
    found.flac_share, found.probed = plan.flac_share, plan.probed
    return found


def _cost(llm: LLMEstimate, config: LLMConfig, kind: str) -> float | None:
    """Returns the money; None where an endpoint is used and no price is known."""
    calls = llm.total
    if kind == "endpoint" and calls.tokens_in and not (config.price_in or config.price_out):
        return None
    return config.cost(calls.tokens_in, calls.tokens_out) * (config.batch_price if config.is_batched(kind) else 1.0)


def _features(found: Counted, config: PipelineConfig) -> list[str]:
    """Returns the lines on features and on training's files.

    Each augmented row counts as one new audio file and one new caption, the most it can be.
    """
    from tasks.precompute.rates import measured_rates
    from tasks.precompute.size import size_lines
    from tasks.train.size import training_line

    counts, rates = _feature_counts(found, config), measured_rates(config.precompute)
    lines = size_lines(config.precompute, counts, paraphrases=config.llm.paraphrases, rates=rates)
    return [*lines, training_line(config.train, config.precompute)]


def _feature_counts(found: Counted, config: PipelineConfig) -> Counts:
    from tasks.precompute.size import Counts

    return Counts(
        audio=found.clips + found.augmented,
        videos=found.videos,
        texts=len(found.texts) + found.augmented * (1 + config.llm.paraphrases),
    )
