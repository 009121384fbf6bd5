"""The adverb section: examples of each level, audio and caption before and after, and who wrote the captions."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from data_contracts import Augmented, Caption, Clip, ContractError
from data_contracts.adverbs import LEVELS
from tasks.augment.recipe import recipe_from_json
from tasks.engine.workspace import hash_text
from tasks.recaption.variety import Variety, variety_by_writer
from tasks.report.collect import Collected
from tasks.report.diff import Piece, word_diff
from tasks.report.media import MediaEmbedder
from tasks.report.player import Track, TrackInput, make_tracks
from tasks.report.words import WRITERS, measured_words

EXAMPLES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One augmented clip beside the clip that it was made from."""

    item_id: str
    tracks: list[Track]
    caption: list[Piece]
    source: str | None
    source_label: str
    writer: str
    recipe: str
    measured: list[tuple[str, str]]
    paraphrases: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSection:
    """One level with its row count and examples."""

    name: str
    title: str
    dimension: str
    does: str
    rows: int
    examples: list[Example]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterCount:
    """How many captions and paraphrases one kind of writer wrote."""

    source: str
    label: str
    writers: str
    captions: int
    paraphrases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """The section."""

    note: str | None
    caption_note: str | None
    levels: list[LevelSection]
    writers: list[WriterCount]
    variety: dict[str, Variety]
    """How varied the new captions are, by who wrote them: model, rule."""

    @property
    def has_events(self) -> bool:
        """Whether the true events of any shown clip are known."""
        examples = [example for level in self.levels for example in level.examples]
        return any(track.has_events for example in examples for track in example.tracks)


def build_augmentation(found: Collected, media: MediaEmbedder) -> Augmentation:
    """Returns the section. First examples are embedded before second ones, in case the budget runs out."""
    examples = _examples(found, media)
    counts = Counter(row.level for row in found.augmented)
    return Augmentation(
        note=found.note("augmented"),
        caption_note=found.note("captions", "paraphrases"),
        levels=[
            LevelSection(
                name=name,
                title=level.title,
                dimension=level.dimension,
                does=level.description,
                rows=counts[name],
                examples=examples[name],
            )
            for name, level in LEVELS.items()
        ],
        writers=count_writers(found),
        variety=variety_by_writer(found.captions),
    )


def count_writers(found: Collected) -> list[WriterCount]:
    """Returns captions and paraphrases per kind of writer, in the order of `WRITERS`; unused kinds are left out."""
    captions = Counter(row.source for row in found.captions)
    paraphrases = Counter(row.source for row in found.paraphrases)
    names: dict[str, set[str]] = {}
    written = [(row.source, row.writer) for row in found.captions]
    for source, writer in [*written, *((row.source, row.writer) for row in found.paraphrases)]:
        names.setdefault(source, set()).add(writer)
    order = [*WRITERS, *sorted(set(names) - set(WRITERS))]
    return [
        WriterCount(
            source=source,
            label=WRITERS.get(source, source),
            writers=", ".join(sorted(names[source])),
            captions=captions[source],
            paraphrases=paraphrases[source],
        )
        for source in order
        if source in names
    ]


def _examples(found: Collected, media: MediaEmbedder) -> dict[str, list[Example]]:
    captions = {row.parent_id: row for row in found.captions}
    clips = {row.item_id: row for row in found.clips}
    paraphrases: dict[str, list[str]] = {}
    for paraphrase in found.paraphrases:
        paraphrases.setdefault(paraphrase.parent_id, []).append(paraphrase.caption)
    chosen = {name: _choose(found.augmented, captions, name) for name in LEVELS}
    examples: dict[str, list[Example]] = {name: [] for name in LEVELS}
    for turn in range(EXAMPLES):
        for name, rows in chosen.items():
            if turn < len(rows):
                row = rows[turn]
                examples[name].append(
                    _example(row, clips.get(row.clip_id), captions.get(row.item_id), paraphrases, media)
                )
    return examples


def _choose(rows: list[Augmented], captions: dict[str, Caption], level: str) -> list[Augmented]:
    """Returns examples of a level, each from another clip: clips whose caption was rewritten first, then by hash."""

    def order(row: Augmented) -> tuple[int, str]:
        caption = captions.get(row.item_id)
        rank = 2 if caption is None else int(caption.caption == caption.caption_before)
        return rank, hash_text(row.item_id)

    picked: list[Augmented] = []
    for row in sorted((row for row in rows if row.level == level), key=order):
        if row.clip_id not in {other.clip_id for other in picked}:
            picked.append(row)
    return picked[:EXAMPLES]


def _example(
    row: Augmented, clip: Clip | None, caption: Caption | None, paraphrases: dict[str, list[str]], media: MediaEmbedder
) -> Example:
    inputs = [TrackInput(title="After", kind="after", audio_path=row.audio_path, events_s=row.event_times_s or ())]
    if clip is not None:
        events = clip.event_times_s or ()
        inputs.insert(0, TrackInput(title="Before", kind="before", audio_path=clip.audio_path, events_s=events))
    after = caption.caption if caption is not None else row.caption
    return Example(
        item_id=row.item_id,
        tracks=make_tracks(media, inputs),
        caption=word_diff(row.caption, after),
        source=caption.source if caption is not None else None,
        source_label=WRITERS.get(caption.source, caption.source) if caption is not None else "no caption yet",
        writer=caption.writer if caption is not None else "",
        recipe=_recipe(row),
        measured=measured_words(row.measured_json),
        paraphrases=paraphrases.get(caption.item_id, []) if caption is not None else [],
    )


def _recipe(row: Augmented) -> str:
    """Returns the recipe in words; what is wrong with one that cannot be read, since nothing stops the report."""
    try:
        words = recipe_from_json(row.operation, row.recipe_json).describe()
        length_s = json.loads(row.recipe_json).get("length_s")
        return words if length_s is None else f"{words} Cut to {length_s:.2f} s, as the clip's other speed levels are."
    except (ContractError, ValueError) as error:
        return f"unreadable recipe: {error}"
