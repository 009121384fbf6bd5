"""No audio on two sides of a split: equal files, equal samples, one path in two groups, and near-duplicates."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import Clip
from data_contracts.files import hash_file
from tasks.corpus.config import RENDERED
from tasks.engine.workspace import hash_text, write_json
from tasks.ingest.duplicates import REPORT, Duplicates, IngestedClip, placed_clip
from tasks.media.audio import read_audio
from tests.tasks.ingest.corpora import run_corpora, run_ingest, table_stage, write_table
from tests.tasks.media.test_fingerprint import RATE, texture
from tests.tasks.rows import clip_row


def row(
    item_id: str, group: str, split: str, *, audio: int, stated: bool = False, source: str = "own"
) -> dict[str, Any]:
    """Returns a journal row; rows with the same number in `audio` have equal audio, all have files of their own."""
    hashes = {"audio_sha256": hash_text("audio", str(audio)), "source_sha256": hash_text("file", item_id)}
    clip = clip_row(item_id, group_id=group, split=split, source=source, **hashes)
    return IngestedClip(**clip.to_dict(), split_stated=stated).to_dict()


def table(rows: list[dict[str, Any]]) -> dict[str, Clip]:
    """Returns the table's clips by id."""
    found = Duplicates()
    found.find(iter(rows), "equal")
    return {clip.item_id: clip for clip in found.table_rows(rows)}


def test_equal_audio_is_one_group_with_the_split_that_is_kept_apart_most() -> None:
    clips = table([row("a", "g", "train", audio=1), row("b", "h", "test", audio=1), row("c", "h", "test", audio=2)])
    assert {(clip.group_id, clip.split) for clip in clips.values()} == {("g", "test")} and len(clips) == 3


def test_one_clip_made_again_gets_the_place_that_the_whole_table_gave_it(tmp_path: Path) -> None:
    rows = [row("a", "g", "train", audio=1), row("b", "h", "test", audio=1), row("c", "i", "val", audio=2)]
    found = Duplicates()
    found.find(iter(rows), "equal")
    clips = {clip.item_id: clip for clip in found.table_rows(rows)}
    write_json(tmp_path / REPORT, found.listed)
    assert {one["item_id"]: placed_clip(one, tmp_path / REPORT) for one in rows} == clips
    assert placed_clip(rows[0], tmp_path / "none.json").group_id == "g", "rendered scenes have no such file"


def test_a_stated_split_comes_before_a_drawn_one_and_its_contradictions_are_left_out() -> None:
    clips = table(
        [
            row("a", "g", "train", audio=1, stated=True),
            row("b", "h", "test", audio=1),
            row("c", "i", "val", audio=2, stated=True),
            row("d", "j", "train", audio=2, stated=True),
            row("e", "j", "train", audio=3, stated=True),
        ]
    )
    assert {name: clip.split for name, clip in clips.items()} == {"a": "train", "b": "train", "c": "val"}


def test_groups_are_joined_through_others() -> None:
    rows = [row("a", "g", "train", audio=1), row("b", "h", "train", audio=1), row("c", "h", "train", audio=2)]
    clips = table([*rows, row("d", "i", "val", audio=2), row("e", "k", "test", audio=3)])
    assert [clips[name].group_id for name in "abcde"] == ["g", "g", "g", "g", "k"]
    assert [clips[name].split for name in "abcde"] == ["val"] * 4 + ["test"]


def test_scenes_of_the_built_in_corpus_keep_their_groups() -> None:
    rows = [row("a", "g", "train", audio=1, source=RENDERED), row("b", "h", "test", audio=1, source=RENDERED)]
    assert [clip.group_id for clip in table(rows).values()] == ["g", "h"]


SPLIT = st.sampled_from(["train", "val", "test"])
MEMBERS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), SPLIT, st.booleans()), max_size=9)


@settings(max_examples=40)
@given(MEMBERS)
def test_no_audio_and_no_group_is_in_two_splits(members: list[tuple[int, int, str, bool]]) -> None:
    splits = {group: split for group, _, split, _ in members}  # a group of the lists has one split
    rows = [
        row(str(number), f"g{group}", splits[group], audio=audio, stated=stated)
        for number, (group, audio, _, stated) in enumerate(members)
    ]
    clips = table(rows)
    for name in ("group_id", "audio_sha256"):
        seen: dict[str, set[str]] = {}
        for clip in clips.values():
            seen.setdefault(getattr(clip, name), set()).add(clip.split)
        assert all(len(found) == 1 for found in seen.values()), name
    for clip in clips.values():
        same = [other for other in clips.values() if other.audio_sha256 == clip.audio_sha256]
        assert len({other.group_id for other in same}) == 1
    for lost in {r["item_id"] for r in rows} - set(clips):
        assert rows[int(lost)]["split_stated"]


def test_the_order_of_the_lists_names_the_group_but_does_not_change_the_splits() -> None:
    rows = [row("a", "g", "train", audio=1), row("b", "h", "val", audio=1), row("c", "i", "train", audio=2)]
    for order in permutations(rows):
        assert {name: clip.split for name, clip in table(list(order)).items()} == {"a": "val", "b": "val", "c": "train"}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """One recording under several names and in several forms, and two others."""
    folder = tmp_path / "in"
    folder.mkdir()
    original = texture(1)
    sf.write(folder / "a.wav", original, RATE)
    (folder / "copy.wav").write_bytes((folder / "a.wav").read_bytes())
    sf.write(folder / "lossless.flac", sf.read(folder / "a.wav", dtype="int16")[0], RATE)
    sf.write(folder / "encoded.mp3", original, RATE)
    sf.write(folder / "trimmed.wav", original[round(1.3 * RATE) :], RATE)
    sf.write(folder / "other.wav", texture(2), RATE)
    sf.write(folder / "another.wav", texture(3), RATE)
    return folder


NAMES = ("a.wav", "copy.wav", "lossless.flac", "encoded.mp3", "trimmed.wav", "other.wav", "another.wav")


def test_one_recording_in_many_forms_is_one_group_on_one_side_and_listed(corpus: Path, tmp_path: Path) -> None:
    rows = [{"id": name, "audio": name, "caption": "A bell rings"} for name in NAMES]
    summary, clips = run_ingest(table_stage(write_table(corpus, rows), test_share=0.4), tmp_path / "w")
    same = [clips[name] for name in NAMES[:5]]
    assert {clip.group_id for clip in same} == {"a.wav"} and len({clip.split for clip in same}) == 1
    assert len({clip.group_id for clip in clips.values()}) == 3 and len(clips) == 7
    assert "5 groups with the audio of another one" in summary.note and REPORT in summary.note
    listed = json.loads((tmp_path / "w/ingest" / REPORT).read_text())
    assert listed["a.wav"]["audio"] == "similar"
    assert [entry["item_id"] for entry in listed["a.wav"]["clips"]] == list(NAMES[:5])


def test_the_setting_changes_groups_without_cutting_again(corpus: Path, tmp_path: Path) -> None:
    path = write_table(corpus, [{"id": name, "audio": name, "caption": "A bell rings"} for name in NAMES])
    groups = {}
    for matching in ("similar", "equal", "none"):
        summary, clips = run_ingest(table_stage(path, duplicates=matching), tmp_path / "w")
        groups[matching] = len({clip.group_id for clip in clips.values()})
        assert summary.new == (7 if matching == "similar" else 0)
    assert groups == {"similar": 3, "equal": 5, "none": 7}


def test_one_path_in_two_groups_and_two_corpora_with_one_file(corpus: Path, tmp_path: Path) -> None:
    rows = [
        {"id": "a", "audio": "a.wav", "caption": "A bell", "group": "first", "split": "train"},
        {"id": "b", "audio": "a.wav", "caption": "A bell rings", "group": "second", "split": "test"},
        {"id": "c", "audio": "other.wav", "caption": "A bell", "group": "third", "split": "train"},
    ]
    first = write_table(corpus, rows)
    second = corpus / "second.csv"
    second.write_text("id,audio,caption\nd,copy.wav,A bell\n")
    clips, _, _ = run_corpora(
        tmp_path / "w", {"kind": "table", "path": str(first)}, {"kind": "table", "path": str(second)}, test_share=0.0
    )
    assert {name: clip.split for name, clip in clips.items()} == {
        "corpus.b": "test",
        "corpus.c": "train",
        "second.d": "test",
    }
    assert clips["second.d"].group_id == clips["corpus.b"].group_id


def test_a_finished_ingest_is_not_changed_by_the_search(corpus: Path, tmp_path: Path) -> None:
    path = write_table(corpus, [{"id": n, "audio": n, "caption": "A bell rings"} for n in NAMES])
    _, first = run_ingest(table_stage(path), tmp_path / "w")
    summary, second = run_ingest(table_stage(path), tmp_path / "w")
    assert (first, summary.new) == (second, 0)
    clip = second["a.wav"]
    assert hash_file(tmp_path / "w" / clip.audio_path) == clip.audio_sha256
    assert np.abs(read_audio(tmp_path / "w" / clip.audio_path)[0]).max() > 0.1
