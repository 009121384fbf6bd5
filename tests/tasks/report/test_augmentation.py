"""The adverb section: every level, examples from different clips, and who wrote the captions."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from data_contracts.adverbs import LEVELS
from tasks.engine.workspace import Workspace
from tasks.report.augmentation import EXAMPLES, build_augmentation, count_writers
from tasks.report.collect import Collected
from tasks.report.media import MediaEmbedder
from tests.tasks.rows import augmented_row, caption_row, clip_row, paraphrase_row


@pytest.fixture
def media(tmp_path: Path) -> MediaEmbedder:
    """An embedder of a workspace without files: tracks say so, all else is built."""
    return MediaEmbedder(Workspace(tmp_path), budget=10**6)


def test_every_level_is_shown_with_its_rows(found: Collected, workspace: Workspace) -> None:
    section = build_augmentation(found, MediaEmbedder(workspace, budget=10**8))
    assert [level.name for level in section.levels] == list(LEVELS)
    assert all(level.rows == 1 and len(level.examples) == 1 for level in section.levels)
    for level in section.levels:
        (example,) = level.examples
        assert [track.title for track in example.tracks] == ["Before", "After"]
        assert example.recipe and example.measured and example.paraphrases and example.source
        assert all(track.audio and track.problem is None for track in example.tracks)


def test_true_events_are_spoken_of_only_where_they_are_known(found: Collected, workspace: Workspace) -> None:
    media = MediaEmbedder(workspace, budget=10**8)
    assert build_augmentation(found, media).has_events
    found.clips = [dataclasses.replace(row, event_times_s=None) for row in found.clips]
    found.augmented = [dataclasses.replace(row, event_times_s=None) for row in found.augmented]
    assert not build_augmentation(found, media).has_events


def test_examples_are_of_different_clips_and_rewritten_captions_come_first(media: MediaEmbedder) -> None:
    clips = [clip_row(f"c{n}", caption="A dog barks fast") for n in range(5)]
    rows = [augmented_row(clip, "speed", "fast", "very_fast") for clip in clips]
    twins = [dataclasses.replace(row, item_id=f"{row.item_id}-2") for row in rows]
    captions = [caption_row(row, "A dog barks very fast" if n >= 3 else row.caption) for n, row in enumerate(rows)]
    section = build_augmentation(Collected(clips=clips, augmented=[*rows, *twins], captions=captions), media)
    examples = next(level.examples for level in section.levels if level.name == "very_fast")
    assert len(examples) == EXAMPLES
    assert {example.item_id for example in examples} == {rows[3].item_id, rows[4].item_id}
    assert all([piece.text for piece in example.caption if piece.kind == "added"] for example in examples)


def test_a_row_without_clip_or_caption_is_shown_alone(media: MediaEmbedder) -> None:
    row = augmented_row(clip_row("gone"), "speed", "fast", "fast")
    (example,) = next(
        level.examples for level in build_augmentation(Collected(augmented=[row]), media).levels if level.name == "fast"
    )
    assert [track.title for track in example.tracks] == ["After"]
    assert (example.source, example.writer, example.paraphrases) == (None, "", [])
    assert [piece.kind for piece in example.caption] == ["same"]
    assert "is not there" in str(example.tracks[0].problem)


@pytest.mark.parametrize("recipe", ["{", '{"factor": "fast"}', "{}", '{"factor": 99}'])
def test_an_unreadable_recipe_is_said_and_stops_nothing(recipe: str, media: MediaEmbedder) -> None:
    row = augmented_row(clip_row("c"), "speed", "fast", "very_fast", recipe_json=recipe)
    levels = build_augmentation(Collected(augmented=[row]), media).levels
    (example,) = next(level.examples for level in levels if level.name == "very_fast")
    assert example.recipe.startswith("unreadable recipe: ")


def test_a_recipe_says_to_which_length_the_speed_levels_were_cut(media: MediaEmbedder) -> None:
    rows = [
        augmented_row(clip_row("c"), "speed", "fast", level, operation="original", recipe_json=recipe)
        for level, recipe in (("fast", "{}"), ("very_fast", '{"length_s": 5.227375}'))
    ]
    levels = build_augmentation(Collected(augmented=rows), media).levels
    words = {level.name: example.recipe for level in levels for example in level.examples}
    assert words["fast"] == "Kept as it is, without the silence at its ends."
    assert words["very_fast"] == words["fast"] + " Cut to 5.23 s, as the clip's other speed levels are."


def test_writers_are_counted_in_order_and_unknown_ones_come_last() -> None:
    row = augmented_row(clip_row("c"), "speed", "fast", "fast")
    captions = [caption_row(row, "x", source) for source in ("rule", "llm", "llm", "someone")]
    paraphrases = [paraphrase_row(captions[0], n, "y") for n in range(3)]
    counts = count_writers(Collected(captions=captions, paraphrases=paraphrases))
    assert [(count.source, count.captions, count.paraphrases) for count in counts] == [
        ("llm", 2, 3), ("rule", 1, 0), ("someone", 1, 0),
    ]  # fmt: skip
    assert counts[0].label == "language model" and counts[-1].label == "someone"
    assert count_writers(Collected()) == []


def test_notes_of_missing_tables_are_passed_on(media: MediaEmbedder) -> None:
    notes = {"augmented": "no audio", "paraphrases": "no paraphrases"}
    section = build_augmentation(Collected(notes=notes), media)
    assert (section.note, section.caption_note) == ("no audio", "no paraphrases")
    assert all(level.rows == 0 and level.examples == [] for level in section.levels)


def test_variety_is_counted_by_model_and_by_rule_without_originals(media: MediaEmbedder) -> None:
    row = augmented_row(clip_row("c"), "speed", "fast", "fast")
    captions = [caption_row(row, "A dog barks fast", source) for source in ("rule", "llm", "llm_retry", "original")]
    found = build_augmentation(Collected(captions=captions), media).variety
    assert {by: (one.captions, one.wordings) for by, one in found.items()} == {"model": (2, 1), "rule": (1, 1)}
    assert build_augmentation(Collected(), media).variety == {}
