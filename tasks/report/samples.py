"""The listening section: per task a few generated clips beside the true audio, with video where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from data_contracts import ClipScore, Generated, ManifestRow
from data_contracts.generation import CASE_GROUPS, TRAINED
from tasks.evaluate.metrics.catalogue import MODEL
from tasks.report.collect import Collected
from tasks.report.diff import Piece, word_diff
from tasks.report.media import MediaEmbedder
from tasks.report.player import Track, TrackInput, make_tracks
from tasks.report.svg import number
from tasks.report.words import checkpoint_name, metric_name

CARDS: Final = 4
_SCORES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One case by every checkpoint, or a pair whose prompts differ in one adverb, with what it was made from.

    `scores`: the checkpoint in words (nothing where it is the run's own alone), its metrics and their values.
    """

    item_id: str
    prompt: list[Piece]
    tracks: list[Track]
    has_video: bool
    facts: list[str]
    scores: list[tuple[str, list[tuple[str, str]]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSamples:
    """The cards of one case group."""

    name: str
    title: str
    about: str
    rows: int
    cards: list[Card]


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplesSection:
    """The section. `made_with`: steps and guidance, which all clips share or which are listed."""

    note: str | None
    tasks: list[TaskSamples]
    made_with: str = ""

    @property
    def has_events(self) -> bool:
        """Whether the true events of any shown clip are known."""
        return any(track.has_events for task in self.tasks for card in task.cards for track in card.tracks)


@dataclass(frozen=True, slots=True)
class _Lookup:
    """Manifest rows by item, and the model's clip scores by case and checkpoint."""

    manifest: dict[str, ManifestRow]
    scores: dict[tuple[str, str | None], list[ClipScore]] = field(default_factory=dict)


def build_samples(found: Collected, media: MediaEmbedder) -> SamplesSection:
    """Returns the section, with audio of the first seed. First cards are embedded before second ones, in case the
    budget runs out."""
    lookup = _lookup(found)
    firsts = [row for row in found.generated if row.repeats is None]
    rows = {name: [row for row in firsts if row.case_group == name] for name in _group_names(found)}
    groups = {name: pick(_groups(of_group)) for name, of_group in rows.items()}
    cards: dict[str, list[Card]] = {name: [] for name in groups}
    for turn in range(CARDS):
        for name, chosen in groups.items():
            if turn < len(chosen):
                cards[name].append(_card(chosen[turn], lookup, media))
    return SamplesSection(
        note=found.note("generated"),
        tasks=[
            TaskSamples(
                name=name,
                title=CASE_GROUPS[name].title if name in CASE_GROUPS else name,
                about=CASE_GROUPS[name].help if name in CASE_GROUPS else "",
                rows=len(rows[name]),
                cards=made,
            )
            for name, made in cards.items()
        ],
        made_with=_made_with(found.generated),
    )


def pick(groups: Sequence[tuple[Generated, ...]]) -> list[tuple[Generated, ...]]:
    """Returns up to four groups, evenly spread over the table."""
    count = min(CARDS, len(groups))
    return [groups[(2 * i + 1) * len(groups) // (2 * count)] for i in range(count)]


def _group_names(found: Collected) -> list[str]:
    there = dict.fromkeys(row.case_group for row in found.generated)
    return [*(name for name in CASE_GROUPS if name in there), *(name for name in there if name not in CASE_GROUPS)]


def _lookup(found: Collected) -> _Lookup:
    lookup = _Lookup({row.item_id: row for row in found.manifest})
    for row in found.clip_scores:
        if row.system == MODEL:
            lookup.scores.setdefault((row.parent_id, row.checkpoint), []).append(row)
    return lookup


def _groups(rows: list[Generated]) -> list[tuple[Generated, ...]]:
    """Returns the rows of each card, checkpoint by checkpoint.

    Two text-to-audio rows of one parent and seed are a pair with opposite adverbs.
    """
    groups: dict[tuple[str, str | int], list[Generated]] = {}
    for row in rows:
        groups.setdefault((row.parent_id, row.seed if row.task == "tta" else row.case_id), []).append(row)
    return [tuple(sorted(group, key=lambda row: row.checkpoint != TRAINED)) for group in groups.values()]


def _card(rows: tuple[Generated, ...], lookup: _Lookup, media: MediaEmbedder) -> Card:
    first = rows[0]
    other = next((row for row in rows if row.prompt != first.prompt), None)
    inputs = _inputs(rows, lookup) if other is None else _pair_inputs(rows)
    tracks = make_tracks(media, inputs)
    prompt = word_diff(first.prompt, first.prompt if other is None else other.prompt)
    return Card(
        item_id=first.item_id,
        prompt=prompt,
        tracks=tracks,
        has_video=any(track.video for track in tracks),
        facts=_facts(first),
        scores=_scores(rows, lookup),
    )


def _inputs(rows: tuple[Generated, ...], lookup: _Lookup) -> list[TrackInput]:
    row = rows[0]
    parent = lookup.manifest.get(row.parent_id)
    reference = lookup.manifest.get(row.reference_id or "")
    video = parent.video_path if parent is not None and row.task != "tta" else None
    events = (parent.event_times_s or ()) if parent is not None and row.task != "tta" else ()
    inputs = []
    if reference is not None and row.reference_id != row.parent_id:
        inputs.append(TrackInput(title="Reference audio", kind="reference", audio_path=reference.audio_path))
    if parent is not None:
        title = "Original audio" if row.task == "tc-vta" else "Ground truth"
        inputs.append(
            TrackInput(title=title, kind="truth", audio_path=parent.audio_path, events_s=events, video_path=video)
        )
    given_s = row.scored_from_s if row.task == "fe" else 0.0
    inputs += [
        TrackInput(
            title=_title("Generated", made, rows), kind="generated", audio_path=made.audio_path, events_s=events,
            video_path=video, given_s=given_s,
        )
        for made in rows
    ]  # fmt: skip
    return inputs


def _pair_inputs(rows: tuple[Generated, ...]) -> list[TrackInput]:
    return [
        TrackInput(title=_title(row.prompt, row, rows), kind="generated", audio_path=row.audio_path) for row in rows
    ]


def _title(text: str, row: Generated, rows: tuple[Generated, ...]) -> str:
    weights = _weights(row, rows)
    return f"{text} ({weights})" if weights else text


def _weights(row: Generated, rows: tuple[Generated, ...]) -> str:
    """Returns the checkpoint in words where it is not the run's own or the card has several, else nothing."""
    named = row.checkpoint != TRAINED or len({one.checkpoint for one in rows}) > 1
    return checkpoint_name(row.checkpoint) if named else ""


def _facts(row: Generated) -> list[str]:
    """Returns what is particular to a card; seeds are in the table, where its id leads to them."""
    if row.scored_from_s > 0 or row.scored_to_s < row.duration_s - 0.05:
        return [f"scored {number(row.scored_from_s)} to {number(row.scored_to_s)} s"]
    return []


def _made_with(rows: Sequence[Generated]) -> str:
    settings = dict.fromkeys(f"{row.steps} steps, guidance {number(row.cfg_scale)}" for row in rows)
    return " or ".join(settings)


def _scores(rows: tuple[Generated, ...], lookup: _Lookup) -> list[tuple[str, list[tuple[str, str]]]]:
    """Returns the first few scores of each checkpoint; of a pair both values, in the order of its clips."""
    found: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        for score in lookup.scores.get((row.case_id, row.checkpoint), []):
            values = found.setdefault(_weights(row, rows), {})
            values.setdefault(metric_name(score.metric), []).append(number(score.value))
    return [
        (weights, [(name, " → ".join(pair)) for name, pair in values.items()][:_SCORES])
        for weights, values in found.items()
    ]
