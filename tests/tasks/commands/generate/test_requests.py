"""Rows of a table and videos of a folder become requests with safe names; a row that makes no sense says why."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import UsageError
from tasks.commands.generate.batch import run_requests
from tasks.commands.generate.requests import COLUMNS, _file_name, folder_requests, read_requests
from tasks.commands.generate.session import InferenceSession
from tests.tasks.commands.generate.toys import jobs, write_jobs


def test_a_folder_of_videos_keeps_their_names_and_containers(
    files: Path, session: InferenceSession, tmp_path: Path
) -> None:
    videos = tmp_path / "videos"
    (videos / "sub").mkdir(parents=True)
    for name in ("a.mp4", "a.mkv", "sub/b.mov", "c.webm", "notes.txt"):
        (videos / name).write_bytes((files / "silent.mp4").read_bytes())
    requests = folder_requests(replace(jobs(files, tmp_path / "out"), task="vta", video=videos))
    assert [request.options.out.name for request in requests][:2] == ["a_mkv.mkv", "a_mp4.mp4"]
    assert requests[2].options.out.name == "c.mkv" and requests[3].options.out.name.startswith("sub_b-")
    assert run_requests(requests, session, tmp_path / "out").made == 4
    with pytest.raises(UsageError, match="the folder has no video"):
        folder_requests(jobs(files, tmp_path, video=tmp_path / "out" / "x"))


NAMES = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        ["../evil", "/etc/passwd", "..", ".", "a/../../b.wav", "..\\..\\evil.wav", "C:\\x.wav", "~/x", "a\x00b.wav",
         "-rf", "con", "." * 300 + ".wav", "\N{RIGHT-TO-LEFT OVERRIDE}gpj.wav", "ｅ/ｖ.wav"]
    ),
)  # fmt: skip


@given(NAMES, st.sampled_from(["", ".wav", ".mp4", ".WAV"]))
def test_no_name_leaves_the_folder(name: str, suffix: str) -> None:
    try:
        found = _file_name(name + suffix, None, 1, False)
    except UsageError:
        return
    assert os.sep not in found and "\\" not in found and "\x00" not in found
    assert found not in (".", "..") and not found.startswith((".", "-")) and len(found) < 100
    assert Path("folder", found).resolve().parent == Path("folder").resolve()


def test_jsonl_rows_are_read_and_broken_lines_are_failures(files: Path, tmp_path: Path) -> None:
    lines = [json.dumps({"task": "tta", "text": "a bell", "duration": 1.0, "seed": 4}), "{broken", "[1]",
             json.dumps({"task": "tta", "text": "x", "volume": 11})]  # fmt: skip
    (tmp_path / "jobs.jsonl").write_text("\n".join(lines) + "\n\n")
    requests = read_requests(tmp_path / "jobs.jsonl", jobs(files, tmp_path / "out"))
    assert requests[0].options.seed == 4 and requests[0].options.out.name == "00001.wav"
    assert [request.options is None for request in requests] == [False, True, True, True]
    assert "not valid JSON" in requests[1].problem and "volume" in requests[3].problem


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("jobs.txt", b"task\ntta\n", "must end in .csv or .jsonl"),
        ("none.csv", None, "No such file"),
        ("jobs.csv", b"task,volume\ntta,11\n", "column 'volume' is unknown"),
        ("jobs.csv", b"task,text\n", "has no rows"),
        ("jobs.csv", b"task,text\ntta,\xff\xfe\n", "cannot be read as UTF-8"),
    ],
)
def test_a_table_that_cannot_be_used_is_wrong_usage(
    files: Path, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_requests(tmp_path / name, jobs(files, tmp_path / "out"))


def test_every_column_reaches_its_option_and_empty_cells_leave_the_commands(files: Path, tmp_path: Path) -> None:
    full = {
        "task": "ac-vta", "text": " rain ", "negative": " wind ", "video": "v.mp4", "original": "o.wav",
        "reference_audio": "r.wav", "reference_video": "/abs/r.mp4", "surrogate": "true", "window": "1:2",
        "duration": "3.5", "seed": "9", "out": "n.wav",
    }  # fmt: skip
    assert set(full) == set(COLUMNS)
    command = jobs(files, tmp_path / "out", seed=7, text="wind", surrogate="blank")
    table = write_jobs(tmp_path / "jobs.csv", [full, dict.fromkeys(full, " ") | {"task": "tta"}])
    first, second = (request.options for request in read_requests(table, command))
    assert first == replace(
        command, task="ac-vta", text="rain", negative="wind", video=tmp_path / "v.mp4", original=tmp_path / "o.wav",
        reference_audio=tmp_path / "r.wav", reference_video=Path("/abs/r.mp4"), surrogate="true", window=(1.0, 2.0),
        duration_s=3.5, seed=9, out=tmp_path / "out" / "n.wav",
    )  # fmt: skip
    assert second == replace(command, task="tta", out=tmp_path / "out" / "00002.wav")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"duration": "long"}, "duration 'long' is not a number"),
        ({"seed": "1.5"}, "seed '1.5' is not a whole number"),
        ({"window": "2"}, "--window '2': expected START:END in seconds"),
        ({"out": "a.mp3"}, "out 'a.mp3': the name must end in one of .wav, .flac, .mp4, .mov, .mkv"),
    ],
)
def test_a_cell_that_makes_no_sense_is_the_rows_problem(
    files: Path, tmp_path: Path, row: dict[str, Any], problem: str
) -> None:
    good = {"task": "tta", "text": "rain"}
    table = write_jobs(tmp_path / "jobs.csv", [good, good | row])
    first, second = read_requests(table, jobs(files, tmp_path / "out"))
    assert first.problem is None and second.options is None
    assert second.number == 2 and second.problem is not None and problem in second.problem


def test_two_rows_never_write_one_file(files: Path, tmp_path: Path) -> None:
    rows = [{"task": "tta", "text": "x", "out": name} for name in ("a.wav", "A.WAV", "a.flac", "b", "b.wav")]
    requests = read_requests(write_jobs(tmp_path / "jobs.csv", rows), jobs(files, tmp_path / "out"))
    assert [request.options is not None for request in requests] == [True, False, True, True, False]
    assert requests[1].problem == "out A.wav is the output of row 1 already; give each row its own name"


def test_an_output_is_not_what_another_row_reads(files: Path, tmp_path: Path) -> None:
    """In a folder of videos the table's rows write beside them: one row's result would be another's video."""
    rows = [
        {"task": "vta", "video": "a.webm", "out": "b.mkv"},
        {"task": "vta", "video": "b.mkv", "out": "c.wav"},
        {"task": "edit", "original": "c.wav", "window": "0:1", "out": "d.wav"},
        {"task": "vta", "video": "b.mkv", "out": "sub/e.wav"},
    ]
    table = write_jobs(tmp_path / "jobs.csv", rows)
    requests = read_requests(table, jobs(files, tmp_path / "x" / ".."))
    assert [request.problem for request in requests] == [
        "out b.mkv is an input of row 4; give another name, or another --out",
        "out c.wav is an input of row 3; give another name, or another --out",
        None,
        None,
    ]
    assert all(request.options for request in read_requests(table, jobs(files, tmp_path / "out")))


def test_a_row_with_more_cells_than_columns_is_a_problem(files: Path, tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text("task,text\ntta,rain,wind\n")
    (request,) = read_requests(tmp_path / "jobs.csv", jobs(files, tmp_path / "out"))
    assert request.options is None and request.problem


@pytest.mark.parametrize(
    ("video", "asked", "name"),
    [
        (None, "", "00003.wav"), (None, "bell", "bell.wav"), (None, "bell.FLAC", "bell.flac"),
        (Path("a/b.mp4"), "", "b.mp4"), (Path("b.webm"), "", "b.mkv"), (Path("b.mov"), "c", "c.mov"),
        (Path("b.mp4"), "c.wav", "c.wav"),
    ],
)  # fmt: skip
def test_the_name_is_the_one_asked_for_else_the_videos_else_the_number(
    video: Path | None, asked: str, name: str
) -> None:
    assert _file_name(asked, video, 3, False) == name
