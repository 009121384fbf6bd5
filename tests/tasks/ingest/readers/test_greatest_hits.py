"""Greatest Hits: events of the portion kept, captions, and which videos are test (SPEC D5)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.corpus.config import CorpusConfig
from tasks.ingest.readers.greatest_hits import caption_of, greatest_hits
from tasks.ingest.recordings import Recording
from tasks.media.video_writer import write_video
from tests.tasks.ingest.corpora import run_corpora
from tests.tasks.sounds import RATE, counting_frames, strikes


def test_d5_greatest_hits_keeps_the_events_of_the_part_kept(tmp_path: Path) -> None:
    (tmp_path / "x_times.txt").write_text("1.0 metal hit static\n6.0 wood scratch\n9.0 wood scratch\nbad\n")
    write_video(tmp_path / "x_denoised.mp4", counting_frames(50), 5, strikes(10.0, [1.0, 6.0, 9.0]), RATE)
    clips, _, _ = run_corpora(tmp_path / "w", {"kind": "greatest_hits", "path": str(tmp_path)})
    (clip,) = clips.values()
    assert (clip.caption, clip.split) == ("A wooden stick scratching wood", "test")
    assert clip.event_times_s == pytest.approx((4.0, 7.0), abs=0.1)


HEADER = "filename,start_time,occurring_time,end_time,material,action_type,effect\n"


def read(path: Path, media: Path, **values: Any) -> list[Recording]:
    media.mkdir(exist_ok=True)
    return list(greatest_hits(CorpusConfig(kind="greatest_hits", path=str(path), **values), path, media))


@pytest.mark.parametrize(
    ("events", "caption"),
    [
        ([], ""),
        ([(1.0, "metal", "hit")], "A wooden stick hitting metal"),
        ([(1.0, "tile-floor", "scratch")], "A wooden stick scratching tile floor"),
        ([(1.0, "None", "hit")], "A wooden stick hitting a surface"),
        ([(1.0, "wood", "None")], "A wooden stick touching wood"),
        ([(1.0, "metal", "hit"), (2.0, "wood", "hit"), (3.0, "wood", "hit")], "A wooden stick hitting wood"),
    ],
)
def test_a_caption_names_the_most_frequent_action_and_its_material(
    events: list[tuple[float, str, str]], caption: str
) -> None:
    assert caption_of(events) == caption


NAMES = st.sampled_from(["metal", "wood", "None", ""])
EVENTS = st.lists(st.tuples(st.floats(0, 8), NAMES, st.sampled_from(["hit", "scratch"])), min_size=1, max_size=8)


@given(events=EVENTS, factor=st.integers(2, 3))
def test_a_caption_depends_on_what_happens_not_on_how_long(events: list[tuple[float, str, str]], factor: int) -> None:
    assert caption_of(events * factor) == caption_of(events)
    assert caption_of([(0.0, material, action) for _, material, action in events]) == caption_of(events)


def test_events_of_the_csv_are_relative_to_the_file_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "hits.csv"
    path.write_text(
        HEADER + "v_denoised_12.mp4,12.0,12.75,14.0,wood,hit,static\nv_denoised_20.mp4,x,1,2,wood,hit,static\n"
    )
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "v_denoised_12.mp4").touch()
    first, second = read(path, tmp_path / "m")
    assert (first.events, first.missing, first.group) == (((0.75, "wood", "hit"),), False, "greatest_hits-v")
    assert (second.events, second.missing, second.caption) == ((), True, "")
    assert first.group == second.group


def test_files_of_times_are_read_with_their_faults(tmp_path: Path) -> None:
    lines = ["1.5 metal hit static", "no time", "-3 metal hit", "2 wood", "3.0 wood scratch deform", ""]
    (tmp_path / "x_times.txt").write_text("\n".join(lines))
    (found,) = read(tmp_path, tmp_path / "m")
    assert found.video == "x_denoised.mp4" and found.events == ((1.5, "metal", "hit"), (3.0, "wood", "scratch"))


def test_d5_all_is_test_unless_told_otherwise_and_then_the_official_test_videos_stay_test(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}_times.txt").write_text("1.0 metal hit\n")
    (tmp_path / "video_test.json").write_text(json.dumps(["b"]))
    assert {found.split for found in read(tmp_path, tmp_path / "m")} == {"test"}
    splits = {found.source_id: found.split for found in read(tmp_path, tmp_path / "m", split="train")}
    assert splits == {"a": "", "b": "test", "c": ""}
