"""Rows and scenes become recordings with files; what is wrong with a row is that row's error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data_contracts import ItemError
from tasks.corpus.builtin import scenes
from tasks.corpus.config import CorpusConfig
from tasks.engine import Item
from tasks.ingest.config import IngestConfig
from tasks.ingest.resolve import resolve_row, resolve_scene
from tasks.media.video_writer import write_video
from tests.tasks.ingest.corpora import row_item
from tests.tasks.sounds import counting_frames

TABLE = IngestConfig(corpus=CorpusConfig(kind="table", path="lists/mine.csv"))


def test_a_row_names_its_corpus_its_path_and_its_files(tmp_path: Path) -> None:
    found = resolve_row(row_item(caption=" A  dog\n barks "), tmp_path, TABLE)
    assert (found.item_id, found.name, found.path, found.audio) == ("a", "mine", "a.wav", tmp_path / "a.wav")
    assert (found.caption, found.video, found.portions, found.event_times_s) == ("A dog barks", None, None, None)
    inside = resolve_row(row_item(corpus="hf", audio="d/0.arrow", row=7, portions=1), tmp_path, TABLE)
    assert (inside.name, inside.path, inside.portions) == ("hf", "d/0.arrow#7", 1)


def test_the_audio_of_a_video_is_its_own_track_unless_another_file_is_named(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", counting_frames(5), 5)
    alone = resolve_row(row_item(audio="", video="v.mp4"), tmp_path, TABLE)
    assert alone.audio == alone.video == tmp_path / "v.mp4" and alone.path == "v.mp4"
    both = resolve_row(row_item(video="v.mp4"), tmp_path, TABLE)
    assert (both.audio.name, both.path) == ("a.wav", "a.wav")


def test_events_of_a_row_are_kept_with_their_times(tmp_path: Path) -> None:
    events = [[1.0, "wood", "hit"], [2.5, "metal", "scratch"]]
    found = resolve_row(row_item(events=events), tmp_path, TABLE)
    assert found.event_times_s == (1.0, 2.5) and found.events == tuple(map(tuple, events))


@pytest.mark.parametrize(
    ("values", "reason", "words"),
    [
        ({"split": "held_out"}, "held_out", "SPEC D5"),
        ({"split": "conflict"}, "split_conflict", "in two splits"),
        ({"split": "later"}, "invalid_split", "'later' is not one of train, val, test"),
        ({"split": ""}, "invalid_split", "train, val, test"),
        ({"caption": " "}, "invalid_caption", "empty"),
        ({"caption": "n/a", "filtered": True}, "invalid_text_placeholder", "n/a"),
        ({"audio": ""}, "missing_file", "neither audio nor video"),
        ({"corpus": "c", "audio": "/etc/passwd"}, "missing_file", "not inside the corpus folder"),
        ({"corpus": "c", "audio": "a/../../b.wav"}, "missing_file", "not inside the corpus folder"),
        ({"corpus": "c", "audio": "a\0b"}, "missing_file", "not inside the corpus folder"),
        ({"corpus": "c", "video": "../v.mp4"}, "missing_file", "not inside the corpus folder"),
        ({"video": "gone.mp4"}, "missing_file", "gone.mp4"),
    ],
)
def test_each_fault_of_a_row_has_its_reason_and_says_what_is_wrong(
    tmp_path: Path, values: dict[str, Any], reason: str, words: str
) -> None:
    with pytest.raises(ItemError, match=words) as caught:
        resolve_row(row_item(**values), tmp_path, TABLE)
    assert caught.value.reason == reason


def test_a_table_of_ones_own_may_name_files_anywhere(tmp_path: Path) -> None:
    found = resolve_row(row_item(audio="../other/a.wav"), tmp_path, TABLE)
    assert found.audio == tmp_path / "../other/a.wav"


def test_a_broken_video_is_named_as_such_before_its_audio_is_read(tmp_path: Path) -> None:
    (tmp_path / "v.mp4").write_text("no video " * 50)
    with pytest.raises(ItemError) as caught:
        resolve_row(row_item(audio="", video="v.mp4"), tmp_path, TABLE)
    assert caught.value.reason == "unreadable_video"


def test_a_scene_is_rendered_into_the_folder(tmp_path: Path) -> None:
    corpus = CorpusConfig(video_clips=2, audio_clips=1)
    for scene in scenes(corpus):
        found = resolve_scene(Item(scene.scene_id, {"scene": scene.to_dict()}), tmp_path)
        assert (found.item_id, found.name, found.path) == (scene.scene_id, "builtin", scene.scene_id)
        assert found.audio.is_file() and found.audio.is_relative_to(tmp_path)
        assert (found.video is not None) == scene.has_video and (found.caption, found.split) == (
            scene.caption,
            scene.split,
        )
