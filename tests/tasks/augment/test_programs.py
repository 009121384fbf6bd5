"""SoX and FFmpeg as programs: samples in, samples out, and a clear error when they are missing or fail."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from data_contracts import ItemError, UsageError
from tasks.augment.programs import program_version, run_ffmpeg, run_sox
from tests.tasks.sounds import RATE, sine_hz, tone


@pytest.mark.tools
def test_ffmpeg_without_a_filter_returns_every_sample_as_it_was() -> None:
    sound = np.random.default_rng(0).uniform(-2, 2, 5000).astype(np.float32)  # beyond full scale too
    np.testing.assert_array_equal(run_ffmpeg(sound, RATE, lambda stream: stream), sound)


@pytest.mark.tools
def test_a_filter_that_fails_is_an_error_of_the_item_with_ffmpegs_words() -> None:
    with pytest.raises(ItemError, match="ffmpeg: ") as caught:
        run_ffmpeg(tone(0.1), RATE, lambda stream: stream.filter("no_such_filter"))
    assert caught.value.reason == "tool_failed" and "\n" not in caught.value.message


@pytest.mark.tools
@pytest.mark.parametrize(("effect", "pitch"), [("speed", 1.25), ("tempo", 1.0)])
def test_sox_changes_the_length_and_speed_the_pitch_too(effect: str, pitch: float) -> None:
    sound = tone(2.0, 500, peak=0.99)
    played = run_sox(sound, RATE, effect, 1.25)  # type: ignore[arg-type]
    assert len(played) / RATE == pytest.approx(1.6, abs=0.03)
    assert sine_hz(played, RATE) == pytest.approx(500 * pitch, rel=0.01)
    assert 0.9 < np.max(np.abs(played)) < 1.2  # the headroom taken before is given back, nothing was clipped


@pytest.mark.tools
def test_versions_are_numbers() -> None:
    for command, option in (("ffmpeg", "-version"), ("sox", "--version")):
        assert re.fullmatch(r"\d+(\.\d+)+", program_version(command, option))


def test_a_missing_program_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="ffmpeg is not installed; `apt-get install ffmpeg`"):
        run_ffmpeg(tone(0.1), RATE, lambda stream: stream)
    with pytest.raises(UsageError, match="sox is not installed; `apt-get install sox`"):
        run_sox(tone(0.1), RATE, "speed", 1.3)
    with pytest.raises(UsageError, match="reverb is not installed; `apt-get install reverb`"):
        program_version("reverb", "--version")


def test_a_version_that_is_not_printed_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "quiet"
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert program_version("quiet", "--version") == "unknown"
