"""SPEC D4: what a manifest row takes from where, and that its lineage reaches back to the source file."""

from __future__ import annotations

import json

import pytest

from data_contracts import ManifestRow, to_json
from data_contracts.adverbs import CHANGES, Change
from tasks.augment.recipe import OPERATIONS, recipe_class
from tasks.manifest.rows import Captions, augmented_row, clip_row
from tests.tasks import rows

KNOWN = {
    "kind": "strike", "material": "wood", "thing": "table", "speed": "fast", "distance": "near", "volume": "loud",
    "rate_hz": 4.0, "level_db": -5.0, "distance_m": 0.7,
}  # fmt: skip
each_change = pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.side} to {change.level}")


def made(change: Change, **clip_values: object) -> ManifestRow:
    """Returns the row of one change of a clip of which everything is known."""
    dimension = {"fast": "speed", "slow": "speed", "near": "distance", "loud": "volume"}[change.side]
    clip = rows.clip_row("clip", attributes_json=to_json(KNOWN), **clip_values)
    mined = rows.mined_row(clip, dimension, change.side)
    augmented = rows.augmented_row(clip, dimension, change.side, change.level, operation=change.operation)
    caption = rows.caption_row(augmented, "A dog barks very fast")
    paraphrases = [rows.paraphrase_row(caption, number, f"version {number}") for number in (2, 1, 3)]
    return augmented_row(clip, mined, augmented, Captions(caption=caption, paraphrases=paraphrases))


def test_a_clip_row_is_the_clip() -> None:
    clip = rows.clip_row("a", subset="vta", split="val", video_path="ingest/video/a.mp4", event_times_s=(0.5, 1.0))
    row = clip_row(clip)
    for name in (
        "group_id", "subset", "split", "caption", "audio_path", "audio_sha256", "sample_rate_hz", "duration_s",
        "video_path", "event_times_s", "attributes_json", "licence", "seed",
    ):  # fmt: skip
        assert getattr(row, name) == getattr(clip, name), name
    assert (row.item_id, row.parent_id, row.clip_id) == ("a", "a", "a")
    assert (row.dimension, row.level, row.recipe_json, row.paraphrases) == (None, None, "{}", ())
    assert ManifestRow.from_dict(row.to_dict()) == row


@each_change
def test_an_augmented_row_belongs_to_the_group_and_split_of_its_clip(change: Change) -> None:
    row = made(change, group_id="recording", split="test", licence="CC-BY-4.0", video_path="ingest/video/clip.mp4")
    assert (row.group_id, row.split, row.licence, row.clip_id) == ("recording", "test", "CC-BY-4.0", "clip")
    assert (row.subset, row.level, row.video_path) == ("aa", change.level, None)
    assert row.audio_path.startswith("augment/audio/")


@each_change
def test_paraphrases_keep_the_order_of_their_table(change: Change) -> None:
    assert made(change).paraphrases == ("version 2", "version 1", "version 3")


@each_change
def test_what_is_known_is_dropped_exactly_where_the_change_made_it_false(change: Change) -> None:
    kept = json.loads(made(change).attributes_json)
    assert kept.items() <= KNOWN.items()
    assert KNOWN.keys() - kept.keys() == set(recipe_class(change.operation).outdated_attributes)
    assert {"kind", "material", "thing"} <= kept.keys()  # no change makes another object of it


@each_change
def test_the_quantity_that_a_change_moves_is_no_longer_claimed(change: Change) -> None:
    kept = json.loads(made(change).attributes_json)
    moved = {"original": set(), "speed": {"rate_hz"}, "distance": {"distance_m", "level_db"}, "dynamics": {"level_db"}}
    assert not moved[change.operation] & kept.keys()
    assert moved.keys() == set(OPERATIONS)


@each_change
def test_lineage_names_every_row_and_file_on_the_way(change: Change) -> None:
    row = made(change)
    lineage = json.loads(row.lineage_json)
    assert list(lineage) == ["augmented", "caption", "clip", "mined", "paraphrases", "source"]
    assert lineage["source"] == {"corpus": "test", "path": "clip.wav", "sha256": "0" * 64, "start_s": 0.0}
    assert (lineage["clip"]["id"], lineage["clip"]["audio_sha256"]) == ("clip", "1" * 64)
    assert lineage["mined"]["side"] == change.side and lineage["mined"]["span"] == [0, len("A dog barks")]
    assert lineage["augmented"]["level"] == change.level and lineage["augmented"]["id"] == row.item_id
    assert lineage["augmented"]["recipe"] == json.loads(row.recipe_json)
    assert lineage["caption"]["before"] == "A dog barks" and lineage["caption"]["writer"] == "test"
    assert len(lineage["paraphrases"]) == len(row.paraphrases)


def test_a_clip_row_names_source_and_clip_only() -> None:
    lineage = json.loads(clip_row(rows.clip_row("a")).lineage_json)
    assert list(lineage) == ["clip", "source"] and lineage["clip"]["video_sha256"] is None
