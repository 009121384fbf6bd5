"""What is said of generated audio: its level, and whether it is nearly silent, clipped, or an edit far off in level."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from tasks.commands.generate.level import FAR_DB, NEARLY_SILENT_DBFS, OutputLevel, WindowLevel, near, rms
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.sidecar import level_line
from tasks.commands.generate.single import Generation, generate_file
from tests.tasks.commands.generate.toys import RATE, options, sidecar

WINDOW = (0.52, 1.2)
START, STOP = (round(time_s * RATE) for time_s in WINDOW)


def steady(amplitude: float) -> np.ndarray:
    return (amplitude * np.sin(np.pi / 2 * np.arange(2 * RATE))).astype(np.float32)


@given(st.floats(1e-4, 1.0), st.booleans())
def test_a_tones_level_is_3_db_below_its_peak(amplitude: float, stereo: bool) -> None:
    audio = steady(amplitude)
    level = OutputLevel.of(np.stack([audio, audio], axis=1) if stereo else audio)
    assert level.peak_dbfs == pytest.approx(20 * math.log10(amplitude), abs=0.01)
    assert level.rms_dbfs == pytest.approx(level.peak_dbfs - 3.01, abs=0.05)


@pytest.mark.parametrize(
    ("amplitude", "words"),
    [
        (0.5, []), (1.0, []), (0.01, []),
        (0.001, ["the audio is nearly silent: its level is -63.0 dBFS"]),
        (2.0, ["the audio is 6.0 dB over full scale and is clipped"]),
        (0.0, ["the audio is silent: not one sample differs from zero"]),
    ],
)  # fmt: skip
def test_silence_and_clipping_are_said(amplitude: float, words: list[str]) -> None:
    assert OutputLevel.of(steady(amplitude)).warnings() == words


def test_the_level_is_the_files_also_where_it_is_clipped(
    files: Path, session: InferenceSession, tmp_path: Path
) -> None:
    loud = (2.0 * np.random.default_rng(0).standard_normal(2 * RATE)).astype(np.float32)
    sf.write(tmp_path / "loud.wav", loud, RATE, subtype="FLOAT")
    given = options(files, "edit", tmp_path / "a.wav", original=tmp_path / "loud.wav", window=WINDOW)
    written = sidecar(generate_file(given, session))
    found = sf.read(given.out)[0]
    assert written["peak_dbfs"] == 0.0 and np.abs(found).max() == pytest.approx(1.0, abs=1e-4)
    assert written["level_dbfs"] == pytest.approx(20 * math.log10(rms(found)), abs=0.01)
    over_db = 20 * math.log10(np.abs(loud[:START]).max())  # outside the window the original's own samples
    assert written["warnings"][0].startswith("the audio is ") and OutputLevel.of(loud).over_db >= over_db > 6.0
    around = rms(found[near(len(found), START, STOP, RATE)])
    assert written["window_louder_db"] == pytest.approx(20 * math.log10(rms(found[START:STOP]) / around), abs=0.01)


def test_a_level_is_one_line() -> None:
    assert OutputLevel.of(steady(0.1)).line == "level -23.0 dBFS, peak -20.0 dBFS"
    assert OutputLevel.of(np.zeros(10, np.float32)).line == "silent"
    assert OutputLevel.of(np.zeros((0, 2), np.float32)).line == "silent"
    assert level_line({"level_dbfs": -23.01, "peak_dbfs": -20.0}) == "level -23.0 dBFS, peak -20.0 dBFS"


@pytest.mark.parametrize("gain_db", [-30.0, -12.5, -6.0, 0.0, 11.5, 23.0])
def test_an_edited_window_is_compared_with_what_is_around_it(gain_db: float) -> None:
    audio = steady(0.05)
    audio[START:STOP] *= 10 ** (gain_db / 20)
    level = WindowLevel.of(audio, START, STOP, RATE)
    assert level.louder_db == pytest.approx(gain_db, abs=0.1)
    word = "louder" if gain_db > 0 else "quieter"
    expected = [f"the generated window is {abs(gain_db):.0f} dB {word} than the audio around it"]
    assert level.warnings() == (expected if abs(gain_db) > FAR_DB else [])


@pytest.mark.parametrize(("start", "stop"), [(0, 2 * RATE), (START, STOP)])
def test_a_window_without_surroundings_or_beside_silence_has_no_level(start: int, stop: int) -> None:
    audio = np.zeros(2 * RATE, np.float32)
    audio[start:stop] = 0.1
    assert WindowLevel.of(audio, start, stop, RATE) == WindowLevel(None)
    assert WindowLevel(None).warnings() == []


@given(st.integers(1, 5000), st.integers(0, 5000), st.integers(1, 5000))
def test_the_surroundings_reach_one_second_to_either_side(length: int, start: int, count: int) -> None:
    stop = start + count
    found = near(length, start, stop, RATE).tolist()
    assert found == [i for i in range(length) if start - RATE <= i < start or stop <= i < stop + RATE]


def test_the_sidecar_has_level_and_warnings(files: Path, session: InferenceSession, tmp_path: Path) -> None:
    made = Generation(options(files, "tta", tmp_path / "a.wav"), session)
    written = made.write(steady(0.001))
    assert written == sidecar(tmp_path / "a.wav")
    assert written["level_dbfs"] < NEARLY_SILENT_DBFS and written["peak_dbfs"] == pytest.approx(-60.0, abs=0.1)
    assert written["warnings"] == ["the audio is nearly silent: its level is -63.0 dBFS"]
    assert written["window_louder_db"] is None
    assert made.write(steady(0.1))["warnings"] == []


@pytest.mark.parametrize("keep_source", [True, False])
def test_the_sidecar_of_an_edit_compares_its_window(
    files: Path, session: InferenceSession, tmp_path: Path, caplog: pytest.LogCaptureFixture, keep_source: bool
) -> None:
    given = options(files, "edit", tmp_path / "a.wav", window=WINDOW, keep_source=keep_source)
    audio = steady(0.01)
    audio[START:STOP] *= 10 ** (23 / 20)
    written = Generation(given, session).write(audio)
    assert written["window_louder_db"] == pytest.approx(23.0, abs=0.1)
    assert written["warnings"] == ["the generated window is 23 dB louder than the audio around it"]
    assert "a.wav: the generated window is 23 dB louder than the audio around it" in caplog.text


def test_the_sidecar_of_an_extension_compares_it_with_what_it_continues(
    files: Path, session: InferenceSession, tmp_path: Path
) -> None:
    given = options(files, "fe", tmp_path / "a.wav", window=(WINDOW[0], 2.0))
    made = Generation(given, session)
    audio = steady(0.01)
    audio[START:] *= 10 ** (-20 / 20)
    written = made.write(audio)
    assert written["window_louder_db"] == pytest.approx(-20.0, abs=0.1)
    assert "the generated window is 20 dB quieter than the audio around it" in written["warnings"]
