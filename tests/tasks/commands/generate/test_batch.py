"""Many files in one call (SPEC G1-G7): equal shapes together, resumed where it ended, failures that stop nothing."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from data_contracts import FoleyGenExError, GeneratedFile, UsageError, read_table
from model.generate import Generator
from tasks.commands.generate import batch
from tasks.commands.generate.batch import FAILURES, Summary, run_requests
from tasks.commands.generate.requests import folder_requests, read_requests
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.single import generate_file
from tests.tasks.commands.generate.toys import jobs, options, write_jobs


@pytest.fixture
def table(files: Path, tmp_path: Path) -> Path:
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
    return write_jobs(tmp_path / "jobs.csv", rows)


def failures(folder: Path) -> dict[str, str]:
    with (folder / FAILURES).open(newline="") as file:
        return {row["row"]: row["error"] for row in csv.DictReader(file)}


def test_good_rows_are_made_and_bad_ones_get_a_line_each(
    files: Path, session: InferenceSession, table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    requests = read_requests(table, jobs(files, out))
    summary = run_requests(requests, session, out)
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


def test_a_file_of_a_batch_equals_the_file_made_alone(files: Path, session: InferenceSession, tmp_path: Path) -> None:
    rows = [{"task": "vta", "video": files / "silent.mp4", "seed": seed, "out": f"{seed}.wav"} for seed in range(5)]
    write_jobs(tmp_path / "jobs.csv", rows)
    out = tmp_path / "out"
    run_requests(read_requests(tmp_path / "jobs.csv", jobs(files, out)), session, out)
    for seed in range(5):
        alone = sf.read(generate_file(options(files, "vta", tmp_path / "a.wav", seed=seed)))[0]
        assert abs(sf.read(out / f"{seed}.wav")[0] - alone).max() <= 1.01 / 32768


def test_equal_shapes_share_a_batch_of_the_asked_size(
    files: Path, session: InferenceSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, generate_each = [], Generator.generate_each
    monkeypatch.setattr(
        Generator, "generate_each", lambda self, rs, **kw: sizes.append(len(rs)) or generate_each(self, rs, **kw)
    )
    rows = [{"task": "tta", "text": f"sound {n}", "duration": 1 + n % 2, "out": f"{n}.wav"} for n in range(10)]
    write_jobs(tmp_path / "jobs.csv", rows)
    requests = read_requests(tmp_path / "jobs.csv", jobs(files, tmp_path / "out"))
    assert run_requests(requests, session, tmp_path / "out", batch_size=3).made == 10
    assert sorted(sizes) == [2, 2, 3, 3]


def test_a_second_run_makes_only_what_is_missing_or_changed(
    files: Path, session: InferenceSession, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    run_requests(read_requests(table, jobs(files, out)), session, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with monkeypatch.context() as context:
        context.setattr(Generator, "generate_each", None)  # nothing may be generated
        again = run_requests(read_requests(table, jobs(files, out)), session, out)
    assert (again.made, again.skipped, again.failed) == (0, 6, 5)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    (out / "dog.wav").write_bytes(b"spoilt")
    (out / "cat.flac.json").unlink()
    third = run_requests(read_requests(table, jobs(files, out)), session, out)
    assert (third.made, third.skipped) == (2, 4)
    after = {path.name: path.read_bytes() for path in out.iterdir()}
    assert after.keys() == before.keys()
    for name in after.keys() - {"generated.csv", "generated.parquet", "dog.wav.json", "cat.flac.json"}:
        if name in ("dog.wav", "cat.flac"):  # made in a smaller batch: sums in another order
            sounds = [sf.read(io.BytesIO(found[name]))[0] for found in (before, after)]
            np.testing.assert_allclose(*sounds, atol=2e-3)
        else:
            assert after[name] == before[name], name
    fourth = run_requests(read_requests(table, jobs(files, out, cfg_scale=2.0)), session, out)
    assert (fourth.made, fourth.skipped) == (6, 0)


def test_audio_that_is_not_finite_fails_alone(
    files: Path, session: InferenceSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = batch.generate_together

    def broken(generations, planned):
        if any(request.options.seed == 2 for request in generations):
            raise FoleyGenExError("the generated audio is not finite")
        return together(generations, planned)

    monkeypatch.setattr(batch, "generate_together", broken)
    write_jobs(tmp_path / "jobs.csv", [{"task": "tta", "text": "x", "seed": n, "out": f"{n}.wav"} for n in range(4)])
    requests = read_requests(tmp_path / "jobs.csv", jobs(files, tmp_path / "out"))
    summary = run_requests(requests, session, tmp_path / "out")
    assert (summary.made, summary.failed) == (3, 1) and "not finite" in failures(tmp_path / "out")["3"]


def test_untrusted_names_are_written_inside_the_folder(files: Path, session: InferenceSession, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    names = ["../evil.wav", str(tmp_path / "absolute.wav"), "a/b.wav", "..\\..\\evil.wav"]
    write_jobs(tmp_path / "jobs.csv", [{"task": "tta", "text": "x", "duration": 1, "out": name} for name in names])
    run_requests(read_requests(tmp_path / "jobs.csv", jobs(files, out)), session, out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "jobs.csv"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    rows = read_table(out / "generated.parquet", GeneratedFile)
    assert [row.asked_name for row in rows] == names and len({row.path for row in rows}) == 4


def test_no_cell_of_a_list_is_a_formula(files: Path, session: InferenceSession, tmp_path: Path) -> None:
    write_jobs(tmp_path / "jobs.csv", [{"task": "sing", "out": "=cmd|' /C calc'!A0.wav"}])
    run_requests(
        read_requests(tmp_path / "jobs.csv", jobs(files, tmp_path / "o")),
        session,
        tmp_path / "o",
    )
    assert (
        "'=cmd|" in (tmp_path / "o" / FAILURES).read_text() and ",=cmd" not in (tmp_path / "o" / FAILURES).read_text()
    )


def test_an_input_is_never_overwritten(files: Path, session: InferenceSession, tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    folder.mkdir()
    video = folder / "video.mp4"
    video.write_bytes((files / "sounding.mp4").read_bytes())
    before = video.read_bytes()
    one = replace(jobs(files, video), task="fe", video=video, window=(0.8, 2.0))
    with pytest.raises(UsageError, match="is the file that was given as --video; it would be lost"):
        generate_file(one)
    many = replace(jobs(files, folder / "." / ".." / folder.name), task="vta", video=folder)
    with pytest.raises(UsageError, match="is the folder of the videos, where the next run would take the results"):
        folder_requests(many)
    inside = replace(jobs(files, folder / "out"), task="vta", video=folder)
    for _ in range(2):  # the second call does not take the first one's videos for inputs
        requests = folder_requests(inside)
        assert [request.options.video.name for request in requests if request.options] == ["video.mp4"]
        run_requests(requests, session, folder / "out")
    assert video.read_bytes() == before and (folder / "out" / "video.mp4").exists()


@pytest.mark.parametrize("name", ["generated.csv", FAILURES])
def test_a_list_of_another_origin_is_not_lost(
    files: Path, session: InferenceSession, tmp_path: Path, name: str
) -> None:
    table = write_jobs(tmp_path / name, [{"task": "tta", "text": "rain", "duration": 1}])
    before = table.read_bytes()
    with pytest.raises(UsageError, match=f"{name} was not written by generate and would be lost; move it"):
        run_requests(read_requests(table, jobs(files, tmp_path)), session, tmp_path)
    assert table.read_bytes() == before and list(tmp_path.iterdir()) == [table]


def test_the_fullest_group_goes_first_when_too_many_wait(
    files: Path, session: InferenceSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    generate_each = Generator.generate_each

    def counted(self: Generator, requests: Any, **settings: Any) -> Any:
        sizes.append(len(requests))
        return generate_each(self, requests, **settings)

    monkeypatch.setattr(Generator, "generate_each", counted)
    lengths = [
        1.0,
        1.1,
        1.2,
        1.3,
        1.0,
        1.4,
        1.5,
        1.6,
    ]  # 1.0 comes back after other shapes
    rows = [{"task": "tta", "text": "x", "duration": length, "out": f"{n}.wav"} for n, length in enumerate(lengths)]
    requests = read_requests(write_jobs(tmp_path / "jobs.csv", rows), jobs(files, tmp_path / "out"))
    assert run_requests(requests, session, tmp_path / "out", batch_size=2).made == len(rows)
    assert sizes[0] == 2 and sum(sizes) == len(rows) and max(sizes) <= 2


def test_a_file_that_cannot_be_written_fails_alone(
    files: Path, session: InferenceSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_audio = batch.Generation.write

    def full(self: batch.Generation, audio: Any) -> dict[str, Any]:
        if self.options.seed == 1:
            raise OSError(28, "No space left on device")
        return write_audio(self, audio)

    monkeypatch.setattr(batch.Generation, "write", full)
    rows = [{"task": "tta", "text": "x", "seed": n, "out": f"{n}.wav"} for n in range(3)]
    done: list[str] = []
    requests = read_requests(write_jobs(tmp_path / "jobs.csv", rows), jobs(files, tmp_path / "out"))
    summary = run_requests(requests, session, tmp_path / "out", on_done=done.append)
    assert (summary.made, summary.failed) == (2, 1)
    assert [line.split(": level")[0] for line in done] == ["0.wav", "2.wav"]
    assert "No space left" in failures(tmp_path / "out")["2"]


def test_failures_are_listed_until_they_are_mended(files: Path, session: InferenceSession, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for text, failed in (("", 1), ("rain", 0)):
        rows = [{"task": "tta", "text": "wind", "out": "a"}, {"task": "tta", "text": text, "out": "b"}]
        requests = read_requests(write_jobs(tmp_path / "jobs.csv", rows), jobs(files, out))
        assert run_requests(requests, session, out).failed == failed == (out / FAILURES).exists()


def test_a_summary_counts_every_request(tmp_path: Path) -> None:
    summary = Summary(made=2, skipped=3, failed=4)
    assert summary.total == 9 and summary.line(tmp_path) == f"{tmp_path}: 2 made, 3 already there, 4 failed"
