"""The listening section: per task a few generated clips beside the true audio, with video where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from data_contracts import ClipScore, Generated, ManifestRow
from data_contracts.generation import TASKS
from tasks.evaluate.metrics import MODEL
from tasks.report.collect import Collected
from tasks.report.diff import Piece, word_diff
from tasks.report.media import MediaEmbedder
from tasks.report.player import Track, TrackInput, make_tracks
from tasks.report.svg import number
from tasks.report.words import metric_name

CARDS: Final = 4
_CHIPS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One generated clip, or a pair whose prompts differ in one adverb, with what it was made from."""

    item_id: str
    prompt: list[Piece]
    tracks: list[Track]
    has_video: bool
    facts: list[str]
    chips: list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSamples:
    """The cards of one task."""

    name: str
    title: str
    about: str
    rows: int
    cards: list[Card]


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplesSection:
    """The section."""

    note: str | None
    tasks: list[TaskSamples]


@dataclass(frozen=True, slots=True)
class _Lookup:
    """Manifest rows and the model's clip scores, by item."""

    manifest: dict[str, ManifestRow]
    scores: dict[str, list[ClipScore]] = field(default_factory=dict)


def build_samples(found: Collected, media: MediaEmbedder) -> SamplesSection:
    """Returns the section. First cards are embedded before second ones, in case the budget runs out."""
    lookup = _lookup(found)
    groups = {name: pick(_groups(name, [r for r in found.generated if r.task == name])) for name in _task_names(found)}
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
                title=TASKS[name].title if name in TASKS else name,
                about=TASKS[name].help if name in TASKS else "",
                rows=sum(row.task == name for row in found.generated),
                cards=made,
            )
            for name, made in cards.items()
        ],
    )


def pick(groups: Sequence[tuple[Generated, ...]]) -> list[tuple[Generated, ...]]:
    """Returns up to four groups, evenly spread over the table."""
    count = min(CARDS, len(groups))
    return [groups[(2 * i + 1) * len(groups) // (2 * count)] for i in range(count)]


def _task_names(found: Collected) -> list[str]:
    there = dict.fromkeys(row.task for row in found.generated)
    return [*(name for name in TASKS if name in there), *(name for name in there if name not in TASKS)]


def _lookup(found: Collected) -> _Lookup:
    lookup = _Lookup({row.item_id: row for row in found.manifest})
    for row in found.clip_scores:
        if row.system == MODEL:
            lookup.scores.setdefault(row.parent_id, []).append(row)
    return lookup


def _groups(task: str, rows: list[Generated]) -> list[tuple[Generated, ...]]:
    """Returns the rows of each card. Two text-to-audio rows of one parent and seed are a pair with opposite adverbs."""
    if task != "tta":
        return [(row,) for row in rows]
    groups: dict[tuple[str, int], list[Generated]] = {}
    for row in rows:
        groups.setdefault((row.parent_id, row.seed), []).append(row)
    return [tuple(group[:2]) for group in groups.values()]


def _card(rows: tuple[Generated, ...], lookup: _Lookup, media: MediaEmbedder) -> Card:
    first = rows[0]
    inputs = _pair_inputs(rows) if len(rows) > 1 else _inputs(first, lookup)
    tracks = make_tracks(media, inputs)
    prompt = word_diff(first.prompt, rows[1].prompt) if len(rows) > 1 else word_diff(first.prompt, first.prompt)
    return Card(
        item_id=first.item_id,
        prompt=prompt,
        tracks=tracks,
        has_video=any(track.video for track in tracks),
        facts=_facts(first),
        chips=_chips(rows, lookup),
    )


def _inputs(row: Generated, lookup: _Lookup) -> list[TrackInput]:
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
    inputs.append(
        TrackInput(
            title="Generated", kind="generated", audio_path=row.audio_path, events_s=events, video_path=video,
            given_s=given_s,
        )
    )  # fmt: skip
    return inputs


def _pair_inputs(rows: tuple[Generated, ...]) -> list[TrackInput]:
    return [TrackInput(title=row.prompt, kind="generated", audio_path=row.audio_path) for row in rows]


def _facts(row: Generated) -> list[str]:
    facts = [f"seed {row.seed}", f"{row.steps} steps", f"guidance {number(row.cfg_scale)}"]
    if row.scored_from_s > 0 or row.scored_to_s < row.duration_s - 0.05:
        facts.append(f"scored {number(row.scored_from_s)} to {number(row.scored_to_s)} s")
    return facts


def _chips(rows: tuple[Generated, ...], lookup: _Lookup) -> list[tuple[str, str]]:
    """Returns the first few scores of a row; of a pair both values, in the order of its clips."""
    values: dict[str, list[str]] = {}
    for row in rows:
        for score in lookup.scores.get(row.item_id, []):
            values.setdefault(metric_name(score.metric), []).append(number(score.value))
    return [(name, " → ".join(both)) for name, both in list(values.items())[:_CHIPS]]
