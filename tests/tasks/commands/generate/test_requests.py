"""Many sounds in one call (SPEC G1-G7): equal shapes together, safe names, resume, and bad rows that stop nothing."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import FoleyGenExError, GeneratedFile, UsageError, read_table
from model.generate import Generator
from tasks.commands.generate import batch
from tasks.commands.generate.batch import FAILURES, run_requests
from tasks.commands.generate.options import GenerateOptions
from tasks.commands.generate.requests import folder_requests, read_requests
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.single import generate_file
from tests.tasks.commands.generate.toys import options


def base(files: Path, out: Path, **changes) -> GenerateOptions:
    return GenerateOptions(task="jobs", checkpoint=files / "c.safetensors", out=out, steps=2, **changes)


@pytest.fixture
def table(files, tmp_path) -> Path:
    rows = [
        {"task": "tta", "text": "a dog barks", "duration": "2.0", "out": "dog.wav"},
        {"task": "vta", "video": files / "silent.mp4", "seed": "3", "out": "silent.mp4"},
        {"task": "vta", "video": files / "long.mp4", "out": "long"},
        {"task": "vta", "video": "no such.mp4", "out": "none.wav"},
        {"task": "edit", "original": files / "old.wav", "window": "0.52:1.2", "text": "a cat", "out": "cat.flac"},
        {"task": "ac-vta", "video": files / "silent.mp4", "reference_audio": files / "nan.wav", "out": "nan.wav"},
        {"task": "vta", "video": files / "other.mp4", "duration": "2", "out": "other.wav"},
        {"task": "tta", "text": "rain", "seed": "many"},
        {"task": "sing"},
        {"task": "fe", "video": files / "sounding.mp4", "window": "0.8:2.0"},
        {"task": "tta", "text": "twice", "out": "DOG.wav"},
    ]
    path = tmp_path / "jobs.csv"
    write_csv(path, rows)
    return path


def write_csv(path: Path, rows: list[dict]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)


def failures(folder: Path) -> dict[str, str]:
    with (folder / FAILURES).open(newline="") as file:
        return {row["row"]: row["error"] for row in csv.DictReader(file)}


def test_good_rows_are_made_and_bad_ones_get_a_line_each(files, table, tmp_path):
    out = tmp_path / "out"
    requests = read_requests(table, base(files, out))
    summary = run_requests(requests, InferenceSession.open(files / "c.safetensors"), out)
    assert (summary.made, summary.skipped, summary.failed) == (6, 0, 5)
    rows = read_table(out / "generated.parquet", GeneratedFile)
    assert [row.path for row in rows] == ["dog.wav", "silent.mp4", "long.mp4", "cat.flac", "other.wav", "sounding.mp4"]
    assert [row.windows for row in rows] == [1, 1, 3, 1, 1, 1]
    assert {row.seed for row in rows} == {0, 3} and {len(row.checkpoint_sha256) for row in rows} == {64}
    assert rows[0].placeholders == ("toy", "toy-text", "toy-clip", "toy-sync")
    found = failures(out)
    for row, message in {
        "4": "no such.mp4 does not exist",
        "6": "1 of 100 samples are NaN",
        "8": "many",
        "9": "'sing' is unknown",
        "11": "the output of row 1 already",
    }.items():
        assert message in found[row]
    assert len(found) == 5
    made = {path.name for path in out.iterdir()}
    assert made == {row.path for row in rows} | {f"{row.path}.json" for row in rows} | {
        "generated.parquet", "generated.csv", FAILURES,
    }  # fmt: skip
    with (out / "generated.csv").open(newline="") as file:
        assert [row["path"] for row in csv.DictReader(file)] == [row.path for row in rows]


def test_a_sound_of_a_batch_is_the_sound_made_alone(files, tmp_path):
    rows = [{"task": "vta", "video": files / "silent.mp4", "seed": seed, "out": f"{seed}.wav"} for seed in range(5)]
    write_csv(tmp_path / "jobs.csv", rows)
    out = tmp_path / "out"
    run_requests(
        read_requests(tmp_path / "jobs.csv", base(files, out)), InferenceSession.open(files / "c.safetensors"), out
    )
    for seed in range(5):
        alone = sf.read(generate_file(options(files, "vta", tmp_path / "a.wav", seed=seed)))[0]
        assert abs(sf.read(out / f"{seed}.wav")[0] - alone).max() <= 1.01 / 32768


def test_equal_shapes_share_a_batch_of_the_asked_size(files, tmp_path, monkeypatch):
    sizes, generate_each = [], Generator.generate_each
    monkeypatch.setattr(
        Generator, "generate_each", lambda self, rs, **kw: sizes.append(len(rs)) or generate_each(self, rs, **kw)
    )
    rows = [{"task": "tta", "text": f"sound {n}", "duration": 1 + n % 2, "out": f"{n}.wav"} for n in range(10)]
    write_csv(tmp_path / "jobs.csv", rows)
    requests = read_requests(tmp_path / "jobs.csv", base(files, tmp_path / "out"))
    assert (
        run_requests(requests, InferenceSession.open(files / "c.safetensors"), tmp_path / "out", batch_size=3).made
        == 10
    )
    assert sorted(sizes) == [2, 2, 3, 3]


def test_a_second_run_makes_only_what_is_missing_or_changed(files, table, tmp_path, monkeypatch):
    out, session = tmp_path / "out", InferenceSession.open(files / "c.safetensors")
    run_requests(read_requests(table, base(files, out)), session, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with monkeypatch.context() as context:
        context.setattr(Generator, "generate_each", None)  # nothing may be generated
        again = run_requests(read_requests(table, base(files, out)), session, out)
    assert (again.made, again.skipped, again.failed) == (0, 6, 5)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    (out / "dog.wav").write_bytes(b"spoilt")
    (out / "cat.flac.json").unlink()
    third = run_requests(read_requests(table, base(files, out)), session, out)
    assert (third.made, third.skipped) == (2, 4)
    after = {path.name: path.read_bytes() for path in out.iterdir()}
    assert after.keys() == before.keys()
    for name in after.keys() - {"generated.csv", "generated.parquet", "dog.wav.json", "cat.flac.json"}:
        if name in ("dog.wav", "cat.flac"):  # made in a smaller batch: sums in another order
            sounds = [sf.read(io.BytesIO(found[name]))[0] for found in (before, after)]
            np.testing.assert_allclose(*sounds, atol=2e-3)
        else:
            assert after[name] == before[name], name
    fourth = run_requests(read_requests(table, base(files, out, cfg_scale=2.0)), session, out)
    assert (fourth.made, fourth.skipped) == (6, 0)


def test_a_sound_that_is_not_finite_fails_alone(files, tmp_path, monkeypatch):
    together = batch.generate_together

    def broken(generations, planned):
        if any(request.options.seed == 2 for request in generations):
            raise FoleyGenExError("the generated sound is not finite")
        return together(generations, planned)

    monkeypatch.setattr(batch, "generate_together", broken)
    write_csv(tmp_path / "jobs.csv", [{"task": "tta", "text": "x", "seed": n, "out": f"{n}.wav"} for n in range(4)])
    requests = read_requests(tmp_path / "jobs.csv", base(files, tmp_path / "out"))
    summary = run_requests(requests, InferenceSession.open(files / "c.safetensors"), tmp_path / "out")
    assert (summary.made, summary.failed) == (3, 1) and "not finite" in failures(tmp_path / "out")["3"]


def test_a_folder_of_videos_keeps_their_names_and_containers(files, tmp_path):
    videos = tmp_path / "videos"
    (videos / "sub").mkdir(parents=True)
    for name in ("a.mp4", "a.mkv", "sub/b.mov", "c.webm", "notes.txt"):
        (videos / name).write_bytes((files / "silent.mp4").read_bytes())
    requests = folder_requests(replace(base(files, tmp_path / "out"), task="vta", video=videos))
    assert [request.options.out.name for request in requests][:2] == ["a_mkv.mkv", "a_mp4.mp4"]
    assert requests[2].options.out.name == "c.mkv" and requests[3].options.out.name.startswith("sub_b-")
    assert run_requests(requests, InferenceSession.open(files / "c.safetensors"), tmp_path / "out").made == 4
    with pytest.raises(UsageError, match="the folder has no video"):
        folder_requests(base(files, tmp_path, video=tmp_path / "out" / "x"))


NAMES = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        ["../evil", "/etc/passwd", "..", ".", "a/../../b.wav", "..\\..\\evil.wav", "C:\\x.wav", "~/x", "a\x00b.wav",
         "-rf", "con", "." * 300 + ".wav", "\N{RIGHT-TO-LEFT OVERRIDE}gpj.wav", "ｅ/ｖ.wav"]
    ),
)  # fmt: skip


@given(NAMES, st.sampled_from(["", ".wav", ".mp4", ".WAV"]))
def test_no_name_leaves_the_folder(name, suffix):
    from tasks.commands.generate.requests import _file_name

    try:
        found = _file_name(name + suffix, None, 1, False)
    except UsageError:
        return
    assert os.sep not in found and "\\" not in found and "\x00" not in found
    assert found not in (".", "..") and not found.startswith((".", "-")) and len(found) < 100
    assert Path("folder", found).resolve().parent == Path("folder").resolve()


def test_untrusted_names_are_written_inside_the_folder(files, tmp_path):
    out = tmp_path / "deep" / "out"
    names = ["../evil.wav", str(tmp_path / "absolute.wav"), "a/b.wav", "..\\..\\evil.wav"]
    write_csv(tmp_path / "jobs.csv", [{"task": "tta", "text": "x", "duration": 1, "out": name} for name in names])
    run_requests(
        read_requests(tmp_path / "jobs.csv", base(files, out)), InferenceSession.open(files / "c.safetensors"), out
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "jobs.csv"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    rows = read_table(out / "generated.parquet", GeneratedFile)
    assert [row.asked_name for row in rows] == names and len({row.path for row in rows}) == 4


def test_jsonl_rows_are_read_and_broken_lines_are_failures(files, tmp_path):
    lines = [json.dumps({"task": "tta", "text": "a bell", "duration": 1.0, "seed": 4}), "{broken", "[1]",
             json.dumps({"task": "tta", "text": "x", "volume": 11})]  # fmt: skip
    (tmp_path / "jobs.jsonl").write_text("\n".join(lines) + "\n\n")
    requests = read_requests(tmp_path / "jobs.jsonl", base(files, tmp_path / "out"))
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
def test_a_table_that_cannot_be_used_is_wrong_usage(files, tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_requests(tmp_path / name, base(files, tmp_path / "out"))


def test_no_cell_of_a_list_is_a_formula(files, tmp_path):
    write_csv(tmp_path / "jobs.csv", [{"task": "sing", "out": "=cmd|' /C calc'!A0.wav"}])
    run_requests(
        read_requests(tmp_path / "jobs.csv", base(files, tmp_path / "o")),
        InferenceSession.open(files / "c.safetensors"),
        tmp_path / "o",
    )
    assert (
        "'=cmd|" in (tmp_path / "o" / FAILURES).read_text() and ",=cmd" not in (tmp_path / "o" / FAILURES).read_text()
    )


def test_an_input_is_never_overwritten(files, tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    video = folder / "video.mp4"
    video.write_bytes((files / "sounding.mp4").read_bytes())
    before = video.read_bytes()
    session = InferenceSession.open(files / "c.safetensors")
    one = replace(base(files, video), task="fe", video=video, window=(0.8, 2.0))
    with pytest.raises(UsageError, match="is the file that was given as --video; it would be lost"):
        generate_file(one)
    many = replace(base(files, folder), task="vta", video=folder)
    assert run_requests(folder_requests(many), session, folder).failed == 1 and video.read_bytes() == before
    inside = replace(base(files, folder / "out"), task="vta", video=folder)
    for _ in range(2):  # the second call does not take the first one's films for inputs
        requests = folder_requests(inside)
        assert [request.options.video.name for request in requests if request.options] == ["video.mp4"]
        run_requests(requests, session, folder / "out")
    assert video.read_bytes() == before and (folder / "out" / "video.mp4").exists()
