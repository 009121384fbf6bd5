"""A checkout of av-benchmark as a program of its own: arguments, result, failures. A small fake one is run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from data_contracts import FoleyGenExError, UsageError
from tasks.evaluate.av_benchmark.checkout import Checkout

FAKE = """
import argparse, json, pathlib, sys
parser = argparse.ArgumentParser()
for name in ("--gt_audio", "--gt_cache", "--pred_audio", "--pred_cache"):
    parser.add_argument(name, type=pathlib.Path)
parser.add_argument("--audio_length", type=float)
parser.add_argument("--skip_video_related", action="store_true")
parser.add_argument("--skip_clap", action="store_true")
given = parser.parse_args()
if given.audio_length == 666:
    sys.stderr.write("one line\\nCUDA is not available\\n")
    sys.exit(3)
assert len(list(given.gt_audio.iterdir())) == len(list(given.pred_audio.iterdir())) == 1
given.pred_cache.mkdir(parents=True, exist_ok=True)
(given.pred_cache / "seen.json").write_text(json.dumps([given.skip_video_related, given.skip_clap, given.audio_length]))
(given.pred_cache / "output_metrics.json").write_text(json.dumps({"FD-VGG": 1.5, "ISC-PANNS-mean": 2.0}, indent=4))
"""
OTHER = """
import pathlib, sys
values = dict(zip(sys.argv[1::2], sys.argv[2::2]))
folder = pathlib.Path(values.get("--gt_cache") or values["--output_cache_path"])
folder.mkdir(parents=True, exist_ok=True)
(folder / (pathlib.Path(__file__).stem + ".txt")).write_text("\\n".join(sys.argv[1:]))
"""


def fake_checkout(folder: Path) -> Checkout:
    """A checkout with av-benchmark's three programs, whose evaluate.py writes fixed numbers."""
    folder.mkdir()
    (folder / "evaluate.py").write_text(FAKE)
    for name in ("extract_video.py", "extract_text.py"):
        (folder / name).write_text(OTHER)
    return Checkout(folder=folder, python=Path(sys.executable))


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    folder = tmp_path / "audio; touch hacked $(id)"  # a shell would run this
    folder.mkdir()
    (folder / "a.wav").write_bytes(b"x")
    return folder


def test_its_result_is_read_and_what_is_not_given_is_skipped(tmp_path: Path, audio: Path) -> None:
    found = fake_checkout(tmp_path / "checkout").evaluate(audio, audio, tmp_path / "out", seconds=8.0)
    assert found == {"FD-VGG": 1.5, "ISC-PANNS-mean": 2.0}
    assert json.loads((tmp_path / "out" / "generated" / "seen.json").read_text()) == [True, True, 8.0]
    assert not list(tmp_path.rglob("hacked"))


def test_videos_and_captions_are_extracted_first(tmp_path: Path, audio: Path) -> None:
    (tmp_path / "c.csv").write_text("name,caption\na,dog\n")
    one = fake_checkout(tmp_path / "checkout")
    one.evaluate(audio, audio, tmp_path / "out", seconds=2.5, video=audio, captions=tmp_path / "c.csv")
    assert json.loads((tmp_path / "out" / "generated" / "seen.json").read_text()) == [False, False, 2.5]
    reference = tmp_path / "out" / "reference"
    assert (reference / "extract_video.txt").read_text().splitlines()[-2:] == ["--audio_length", "2.5"]
    assert str(tmp_path / "c.csv") in (reference / "extract_text.txt").read_text()


def test_a_program_that_fails_is_quoted(tmp_path: Path, audio: Path) -> None:
    words = "av-benchmark's evaluate.py ended with code 3: one line / CUDA is not available"
    with pytest.raises(FoleyGenExError, match=words):
        fake_checkout(tmp_path / "checkout").evaluate(audio, audio, tmp_path / "out", seconds=666)


def test_a_relative_interpreter_is_that_of_the_current_folder(
    tmp_path: Path, audio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    one = fake_checkout(tmp_path / "checkout")
    monkeypatch.chdir(tmp_path)
    relative = Checkout(folder=Path("checkout"), python=Path("bin/python"))
    assert one.folder.is_dir() and relative.evaluate(audio, audio, tmp_path / "out", seconds=8.0)["FD-VGG"] == 1.5


def test_features_of_an_earlier_run_are_removed_first(tmp_path: Path, audio: Path) -> None:
    """It would take them for those of the audio that is there now."""
    for side in ("generated", "reference"):
        (tmp_path / "out" / side).mkdir(parents=True)
        (tmp_path / "out" / side / "passt_features_embed.pth").write_bytes(b"old")
    fake_checkout(tmp_path / "checkout").evaluate(audio, audio, tmp_path / "out", seconds=8.0)
    assert not list((tmp_path / "out").rglob("*.pth"))


def test_what_is_no_checkout_or_no_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is no checkout of av-benchmark: it has no evaluate\.py"):
        Checkout(folder=tmp_path, python=Path(sys.executable)).require()
    one = fake_checkout(tmp_path / "checkout")
    with pytest.raises(UsageError, match=r"--av-benchmark-python .*none: there is no such file"):
        Checkout(folder=one.folder, python=tmp_path / "none").require()
