"""Files by clip: whole names whatever their length, tables of captions and events, everything that is wrong by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from data_contracts import UsageError
from tasks.commands.evaluate.inputs import read_inputs, require_some
from tests.tasks.commands.evaluate.conftest import options


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x")
    return folder


def found_problems(folder: Path, **changes: object) -> list[tuple[str, str, str]]:
    _, problems = read_inputs(options(folder, **changes))
    return [(problem.kind, problem.where, problem.name) for problem in problems]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("truth", "a", "b"):
        touch(tmp_path / name, "one.wav", "two.wav")
    return tmp_path


@pytest.mark.parametrize("length", [18, 20, 21, 30])
def test_names_are_compared_whole(tmp_path: Path, length: int) -> None:
    """av-benchmark cuts names of 20, 21 and 30 characters; two clips that differ in what it cuts stay two."""
    names = ["0" * (length - 1) + end for end in "ab"]
    for folder in ("truth", "a", "b"):
        touch(tmp_path / folder, *(f"{name}.wav" for name in names))
    inputs, problems = read_inputs(options(tmp_path))
    assert inputs.names == tuple(names) and not problems


def test_endings_may_differ_and_other_files_are_passed_over(folder: Path) -> None:
    (folder / "a" / "one.wav").rename(folder / "a" / "one.FLAC")
    touch(folder / "a", "one.json", ".hidden.wav", "notes.txt")
    inputs, problems = read_inputs(options(folder))
    assert not problems and inputs.systems["a"]["one"].name == "one.FLAC"
    assert inputs.groups == {"one": "one", "two": "two"}  # without a column, each clip is its own


def test_missing_extra_and_duplicate_files_are_named_with_their_folder(folder: Path) -> None:
    (folder / "a" / "one.wav").unlink()
    touch(folder / "b", "three.mp3", "two.mp3")
    touch(folder / "truth", "four.wav", "four.flac")
    touch(folder / "a", "four.wav")
    assert set(found_problems(folder)) == {
        ("missing", "a", "one"),
        ("extra", "b", "three"),
        ("duplicate", "b", "two"),
        ("duplicate", "reference", "four"),
    }
    assert read_inputs(options(folder))[0].names == ()


def test_names_that_cannot_be_shown_are_passed_over(folder: Path) -> None:
    touch(folder / "a", "red\x1b[31m.wav")
    os.close(os.open(os.fsencode(folder / "truth") + b"/\xff.wav", os.O_CREAT))
    assert set(found_problems(folder)) == {
        ("bad-name", "a", r"'red\x1b[31m'"),
        ("bad-name", "reference", r"'\udcff'"),
    }


def test_a_folder_that_is_missing_or_empty_is_refused(folder: Path) -> None:
    empty, nested = folder / "empty", folder / "nested"
    empty.mkdir()
    touch(nested / "dog", "one.wav")
    for changes, words in (
        ({"reference": empty}, r"empty has no media file \(.*\.wmv\)$"),
        ({"reference": nested}, "nested has no media file .*, only subfolders; put the files of all clips into it"),
        ({"reference": folder / "no"}, "no is not a folder"),
        ({"video": folder / "truth"}, "has no media file"),  # audio is no video
    ):
        with pytest.raises(UsageError, match=words):
            read_inputs(options(folder, **changes))
    with pytest.raises(UsageError, match="have no clip in common that can be scored"):
        require_some((), options(folder))


def test_captions_give_text_groups_and_categories(folder: Path) -> None:
    table = folder / "c.csv"
    table.write_text('name,caption,group,kind\none,"a dog, loud",g,dog\ntwo,rain,,water\n')
    inputs, problems = read_inputs(options(folder, captions=table, by="kind"))
    assert not problems and inputs.captions == {"one": "a dog, loud", "two": "rain"}
    assert inputs.groups == {"one": "g", "two": "two"} and inputs.categories == {"one": "dog", "two": "water"}


def test_an_empty_category_is_none(folder: Path) -> None:
    table = folder / "c.csv"
    table.write_text("name,caption,kind\none,dog, \ntwo,rain, water \n")
    inputs, _ = read_inputs(options(folder, captions=table, by="kind"))
    assert inputs.categories == {"two": "water"}


def test_clips_without_captions_and_captions_without_clips_are_named(folder: Path) -> None:
    table = folder / "c.csv"
    table.write_text("name,caption\none,dog\nthree,cat\n")
    assert set(found_problems(folder, captions=table)) == {
        ("no-caption", "captions", "two"),
        ("extra-caption", "captions", "three"),
    }


def test_events_are_sorted_and_a_clip_may_have_none(folder: Path) -> None:
    table = folder / "e.csv"
    table.write_text("name,time_s\none,0.5\none,0.25\ntwo,\nthree,1\n")
    inputs, problems = read_inputs(options(folder, events=table))
    assert inputs.events_s == {"one": (0.25, 0.5), "two": ()}
    assert [(problem.kind, problem.name) for problem in problems] == [("extra-events", "three")]


def test_clips_of_which_the_events_say_nothing_are_named(folder: Path) -> None:
    table = folder / "e.csv"
    table.write_text("name,time_s\none,0.5\n")
    assert found_problems(folder, events=table) == [("no-events", "events", "two")]
    assert read_inputs(options(folder, events=table))[0].events_s == {"one": (0.5,)}


@pytest.mark.parametrize(
    ("name", "text", "changes", "words"),
    [
        ("captions", "name,caption\none,a\none,b\n", {}, "line 3: clip 'one' repeats"),
        ("captions", "name\none\n", {}, "line 2: column 'caption' is missing"),
        ("captions", "name,caption\none,a\n", {"by": "kind"}, "line 2: column 'kind' is missing"),
        (
            "captions",
            "name,caption,kind\none,a,all\n",
            {"by": "kind"},
            "clip 'one': kind is 'all', which stands for all",
        ),
        ("captions", "name,caption,kind\none,a,b\x1b[2J\n", {"by": "kind"}, "clip 'one': kind is not printable: "),
        ("events", "name,time_s\none,soon\n", {}, "line 2: time_s is 'soon'; expected seconds"),
        ("events", "name,time_s\none,-1\n", {}, "line 2: time_s is '-1'"),
        ("events", "name,time_s\none,nan\n", {}, "line 2: time_s is 'nan'"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(
    folder: Path, name: str, text: str, changes: dict[str, str], words: str
) -> None:
    table = folder / "table.csv"
    table.write_text(text)
    with pytest.raises(UsageError, match=words):
        read_inputs(options(folder, **{name: table}, **changes))


def test_a_category_needs_captions(folder: Path) -> None:
    with pytest.raises(UsageError, match="--by kind: is a column of the captions; give --captions CSV"):
        read_inputs(options(folder, by="kind"))


def test_clips_without_a_video_are_named(folder: Path) -> None:
    touch(folder / "video", "one.mp4")
    inputs, problems = read_inputs(options(folder, video=folder / "video"))
    assert list(inputs.videos) == ["one"]
    assert [(problem.kind, problem.where, problem.name) for problem in problems] == [("no-video", "video", "two")]


def test_two_videos_of_one_name_are_one_problem_and_the_clip_stays(folder: Path) -> None:
    touch(folder / "video", "one.mp4", "two.mp4", "two.webm", "other.mp4", "other.mov")
    inputs, problems = read_inputs(options(folder, video=folder / "video"))
    assert list(inputs.videos) == ["one"] and inputs.names == ("one", "two")
    assert [(problem.kind, problem.name) for problem in problems] == [
        ("duplicate-video", "other"), ("duplicate-video", "two"),
    ]  # fmt: skip


def test_times_of_events_from_python_are_checked_as_those_of_a_table(folder: Path) -> None:
    assert read_inputs(options(folder, events={"one": [0.5, 0.25]}))[0].events_s == {"one": (0.25, 0.5)}
    with pytest.raises(UsageError, match="events of 'one': time_s is '-1'; expected seconds, 0 or more"):
        read_inputs(options(folder, events={"one": [-1]}))


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_a_length_that_is_none_is_refused(folder: Path, seconds: float) -> None:
    with pytest.raises(UsageError, match=r"seconds is .*; expected more than 0"):
        options(folder, seconds=seconds)


def test_a_seed_below_0_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="seed is -1; expected 0 or more"):
        options(folder, seed=-1)
