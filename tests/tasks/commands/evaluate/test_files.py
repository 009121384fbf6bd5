"""Files of the folders: bad ones by kind, copies, lengths, and what is then scored of each clip."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from data_contracts import UsageError
from tasks.commands.evaluate.job import evaluate_folders
from tasks.commands.evaluate.problems import InputProblemsError
from tasks.evaluate.metrics.quality import pasted
from tasks.media.fingerprint import peaks_of
from tests.tasks.commands.evaluate.conftest import OURS, TRUTH, options, table, value, write
from tests.tasks.evaluate.sounds import RATE_HZ

pytestmark = pytest.mark.usefixtures("judge")


def damaged(folder: Path, name: str, samples: np.ndarray, rate_hz: int = RATE_HZ) -> None:
    sf.write(folder / f"{name}.wav", samples, rate_hz, subtype="FLOAT")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": lambda f: (f / "clip1.wav").unlink(),
    "unreadable": lambda f: (f / "clip1.wav").write_bytes(b"RIFF no audio"),
    "nan": lambda f: damaged(f, "clip1", np.full(RATE_HZ, np.nan, np.float32)),
    "duplicate": lambda f: (f / "clip1.flac").write_bytes((f / "clip1.wav").read_bytes()),
    "short": lambda f: damaged(f, "clip1", TRUTH["clip1"][: RATE_HZ // 2]),
    "silent": lambda f: damaged(f, "clip1", np.zeros(RATE_HZ, np.float32)),
    "stereo": lambda f: damaged(f, "clip1", np.stack([TRUTH["clip1"]] * 2, axis=1)),
    "low-rate": lambda f: damaged(f, "clip1", TRUTH["clip1"][::2], RATE_HZ // 2),
    "extra": lambda f: damaged(f, "clip9", TRUTH["clip1"]),
}
LEAVES_OUT = ("missing", "unreadable", "nan", "duplicate")


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_bad_file_is_named_and_when_allowed_counts_for_all_systems(folder: Path, tmp_path: Path, kind: str) -> None:
    write(tmp_path / "b", TRUTH)
    DAMAGES[kind](tmp_path / "b")
    changes = {"systems": {"a": folder / "a", "b": tmp_path / "b"}, "cache": tmp_path / "cache", "judges": ("none",)}
    with pytest.raises(InputProblemsError) as raised:
        evaluate_folders(options(folder, **changes))
    (problem,) = raised.value.problems
    expected = "clip9" if kind == "extra" else "clip1"
    assert (problem.kind, problem.where, problem.name) == (kind, "b", expected)
    result = evaluate_folders(options(folder, **changes, allowed=frozenset({kind})))
    assert result.problems == (problem,)
    assert result.left_out == (("clip1",) if kind in LEAVES_OUT else ())
    counts = {score.n for score in result.scores if score.metric == "level_dbfs"}
    assert counts == {4 if kind in LEAVES_OUT else 5}


def test_the_same_file_is_a_copy_whatever_its_fingerprint_and_silence_is_none(tmp_path: Path) -> None:
    beeps = [0.5 * np.sin(np.arange(RATE_HZ // 8) * pitch).astype(np.float32) for pitch in (0.2, 0.3, 0.4)]
    assert not pasted([peaks_of(beeps[0], RATE_HZ)], [peaks_of(beeps[0], RATE_HZ)])  # too little to agree on
    quiet = np.zeros(RATE_HZ // 8, np.float32)
    write(tmp_path / "truth", dict(zip("abcde", (*beeps, quiet, quiet), strict=True)))
    write(tmp_path / "a", dict(zip("abcde", (beeps[0], beeps[0], beeps[1] * 0.5, quiet, quiet), strict=True)))
    asked = options(tmp_path, systems={"a": tmp_path / "a"}, judges=("none",), allowed=frozenset({"silent"}))
    values = {(row.system, row.metric, row.parent_id): row.value for row in evaluate_folders(asked).clip_scores}
    for metric in ("duplicate", "reference pasted"):
        assert [values["a", metric, name] for name in "abcde"] == [1.0, 1.0, 0.0, 0.0, 0.0], metric
    assert [values["truth", "silent", name] for name in "abcde"] == [0.0, 0.0, 0.0, 1.0, 1.0]
    assert not any(values["truth", "duplicate", name] for name in "abcde")
    assert ("truth", "reference pasted", "a") not in values and ("truth", "lufs", "d") not in values


def test_copies_within_the_reference_are_said_of_the_reference(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "truth", {**TRUTH, "clip1": 0.5 * TRUTH["clip0"]})
    asked = options(folder, systems={"a": folder / "a"}, reference=tmp_path / "truth", judges=("none",))
    found = {(row.metric, row.system): row.value for row in evaluate_folders(asked).scores}
    assert found["duplicate", "truth"] == pytest.approx(2 / len(TRUTH))
    assert found["lufs", "truth"] is not None and found["clipped", "truth"] == 0


def test_a_longer_generated_clip_is_cut_and_a_shorter_one_followed_by_silence(folder: Path, tmp_path: Path) -> None:
    longer = {name: np.concatenate([samples, np.ones(RATE_HZ, np.float32)]) for name, samples in TRUTH.items()}
    write(tmp_path / "a", longer)
    write(tmp_path / "b", {name: samples[: RATE_HZ // 2] for name, samples in TRUTH.items()})
    filled = {
        name: np.concatenate([samples[: RATE_HZ // 2], np.zeros(RATE_HZ // 2, np.float32)])
        for name, samples in TRUTH.items()
    }
    write(tmp_path / "filled", filled)
    systems = {name: tmp_path / name for name in ("a", "b", "filled")}
    result = evaluate_folders(options(folder, systems=systems, cache=tmp_path / "cache", allowed=frozenset({"short"})))
    assert value(result, "level_difference_db", "a") == 0.0
    assert value(result, f"KL-{OURS}", "a") == pytest.approx(0.0, abs=1e-6)
    for metric in (f"KL-{OURS}", "level_dbfs", "OnsetSyncAcc"):
        assert value(result, metric, "b") == pytest.approx(value(result, metric, "filled"))


def test_only_the_first_seconds_are_scored_where_that_is_asked(folder: Path, tmp_path: Path) -> None:
    ruined = {name: samples.copy() for name, samples in TRUTH.items()}
    for samples in ruined.values():
        samples[RATE_HZ // 2 :] = 0.9
    write(tmp_path / "a", ruined)
    asked = options(folder, systems={"a": tmp_path / "a"}, cache=tmp_path / "cache", seconds=0.5)
    result = evaluate_folders(asked)
    assert value(result, "level_difference_db", "a") == 0.0
    assert table(result)[f"FD-{OURS}", "a"].seconds == pytest.approx(2.5)


def test_files_without_a_common_clip_are_refused(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "a", {"other": TRUTH["clip0"]})
    asked = options(
        folder, systems={"a": tmp_path / "a"}, cache=tmp_path / "c", allowed=frozenset({"missing", "extra"})
    )
    with pytest.raises(UsageError, match="no clip in common that can be scored"):
        evaluate_folders(asked)


def found_by(folder: Path, tmp_path: Path, **changes: object) -> list[tuple[str, str, str, str]]:
    """Returns kind, place, clip and detail of each problem of one system."""
    given = {"systems": {"a": tmp_path / "a"}, "cache": tmp_path / "cache", "judges": ("none",), **changes}
    with pytest.raises(InputProblemsError) as raised:
        evaluate_folders(options(folder, **given))
    return [(one.kind, one.where, one.name, one.detail) for one in raised.value.problems]


def test_a_pipe_and_a_device_are_not_opened(folder: Path, tmp_path: Path) -> None:
    """To open a pipe waits until somebody writes, and some devices never end."""
    write(tmp_path / "a", TRUTH)
    for name in ("clip1", "clip2"):
        (tmp_path / "a" / f"{name}.wav").unlink()
    os.mkfifo(tmp_path / "a" / "clip1.wav")
    (tmp_path / "a" / "clip2.wav").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "clip0.mp4")
    found = found_by(folder, tmp_path, video=tmp_path, allowed=frozenset({"no-video"}))
    assert [one[:3] for one in found] == [
        ("unreadable-video", "video", "clip0"), ("unreadable", "a", "clip1"), ("unreadable", "a", "clip2"),
    ]  # fmt: skip
    assert all("not a regular file" in one[3] for one in found)


def test_of_channels_that_cancel_each_other_it_is_said_which_one_is_scored(folder: Path, tmp_path: Path) -> None:
    write(tmp_path / "a", TRUTH)
    damaged(tmp_path / "a", "clip1", np.stack([-0.5 * TRUTH["clip1"], 0.5 * TRUTH["clip1"]], axis=1))
    damaged(tmp_path / "a", "clip2", np.stack([TRUTH["clip2"]] * 3, axis=1))
    expected = [
        ("stereo", "a", "clip1", "2 channels that cancel each other: number 1 is scored"),
        ("stereo", "a", "clip2", "3 channels"),
    ]
    assert found_by(folder, tmp_path) == expected == found_by(folder, tmp_path)  # the second time from the cache


def test_events_after_the_end_of_the_reference_are_named_and_do_not_count(folder: Path, tmp_path: Path) -> None:
    """Times in milliseconds would otherwise be clips without events."""
    write(tmp_path / "a", TRUTH)
    events = dict.fromkeys(TRUTH, (0.5,)) | {"clip1": (0.5, 200.0, 700.0), "clip2": (0.5, 1.05)}
    assert found_by(folder, tmp_path, events=events) == [
        ("late-events", "events", "clip1", "2 after 1.00 s, the last at 700.00 s")
    ]
    asked = {"systems": {"a": tmp_path / "a"}, "cache": tmp_path / "cache", "judges": ("none",), "seconds": 0.75}
    allowed = evaluate_folders(options(folder, **asked, events=events, allowed=frozenset({"late-events"})))
    alone = evaluate_folders(options(folder, **asked, events=dict.fromkeys(TRUTH, (0.5,))))
    assert value(allowed, "EventF1@50ms", "a") == value(alone, "EventF1@50ms", "a")
