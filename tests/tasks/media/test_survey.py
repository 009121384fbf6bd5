"""One pass over a recording finds what the plain functions find in all of it, and memory does not grow with length."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from data_contracts import ItemError
from tasks.media import blocks, survey
from tasks.media.audio import decode_audio, is_audible, peak_of
from tasks.media.fingerprint import PeakFinder, peaks_of
from tasks.media.samples import Samples
from tasks.media.silence import SILENCE_DB, audible_span, dc_offset_of
from tasks.media.survey import survey_audio

RATE = 16_000


def recording(seconds: float, *, offset: float = 0.0, seed: int = 0) -> Samples:
    """Noise bursts of changing level with silence at both ends."""
    count = round(seconds * RATE)
    times_s = np.arange(count) / RATE
    noise_T = np.random.default_rng(seed).standard_normal(count) * 0.1 * (1 + np.sin(2 * np.pi * 0.3 * times_s))
    noise_T[: RATE // 3] = noise_T[-RATE // 7 :] = 0
    return (noise_T + offset).astype(np.float32)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of two seconds, and no recording is kept whole."""
    monkeypatch.setattr(blocks, "BLOCK", 2 * RATE)
    monkeypatch.setattr(survey, "WHOLE", 0)


@pytest.mark.parametrize("offset", [0.0, 0.02])
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3"])
@pytest.mark.usefixtures("small")
def test_it_finds_what_the_plain_functions_find_in_all_of_it(tmp_path: Path, name: str, offset: float) -> None:
    path = tmp_path / name
    sf.write(path, recording(9.3, offset=offset), RATE)
    whole = decode_audio(path)
    found = survey_audio(path)
    assert found.whole_T is None
    assert (found.rate_hz, found.channels, found.single_channel) == (whole.rate_hz, 1, None)
    assert found.length == len(whole.samples_T) and found.peak == peak_of(whole.samples_T)
    assert found.audible is is_audible(whole.samples_T, RATE) is True
    np.testing.assert_array_equal(found.peaks_N, peaks_of(whole.samples_T, RATE))
    centred_T = whole.samples_T - np.float32(dc_offset_of(whole.samples_T, RATE))
    start, end = audible_span(centred_T, SILENCE_DB)
    assert found.audible_s(SILENCE_DB) == (start / RATE, end / RATE)
    spans = [(0, 5), (RATE, 3 * RATE), (100_000, 100_001), (9 * RATE, 20 * RATE), (30 * RATE, 31 * RATE)]
    for part_T, (first, last) in zip(found.portions(spans), spans, strict=True):
        np.testing.assert_array_equal(part_T, whole.samples_T[first:last])
    assert found.portions([]) == []


@pytest.mark.usefixtures("small")
def test_channels_that_cancel_each_other_leave_the_loudest(tmp_path: Path) -> None:
    left_T = recording(5.0)
    sf.write(tmp_path / "a.wav", np.stack([left_T, -left_T], axis=1), RATE, subtype="FLOAT")
    found, whole = survey_audio(tmp_path / "a.wav"), decode_audio(tmp_path / "a.wav")
    assert found.single_channel == whole.single_channel == 0 and found.channels == 2
    np.testing.assert_array_equal(found.portions([(0, 10**6)])[0], left_T)
    np.testing.assert_array_equal(found.peaks_N, peaks_of(left_T, RATE))


def test_a_short_recording_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sf.write(tmp_path / "a.wav", recording(3.0), RATE)
    found = survey_audio(tmp_path / "a.wav")
    monkeypatch.setattr(blocks.sf, "SoundFile", None)
    np.testing.assert_array_equal(found.portions([(5, 9)])[0], decode_samples(found)[5:9])
    assert found.audible_s(SILENCE_DB)[0] == pytest.approx(1 / 3, abs=0.01)


def decode_samples(found: survey.Survey) -> Samples:
    assert found.whole_T is not None
    return found.whole_T


@pytest.mark.usefixtures("small")
def test_silence_and_short_recordings_are_refused_as_ever(tmp_path: Path) -> None:
    sf.write(tmp_path / "silent.wav", np.full(5 * RATE, 0.3, np.float32), RATE)
    silent = survey_audio(tmp_path / "silent.wav")
    with pytest.raises(ItemError, match=r"silent\.wav: the peak is 3\.00e-01") as error:
        silent.require_audible(min_s=0.5)
    assert error.value.reason == "silent" and silent.audible_s(SILENCE_DB) == (0.0, 5.0)
    with pytest.raises(ItemError, match="at least 9 s are needed"):
        silent.require_audible(min_s=9)


@pytest.mark.usefixtures("small")
def test_bad_samples_and_a_cut_file_are_found_after_the_first_block(tmp_path: Path) -> None:
    bad_T = recording(7.0)
    bad_T[-3:] = np.nan
    sf.write(tmp_path / "nan.wav", bad_T, RATE, subtype="FLOAT")
    with pytest.raises(ItemError, match="3 of 112000 samples"):
        survey_audio(tmp_path / "nan.wav")
    sf.write(tmp_path / "a.wav", recording(7.0), RATE)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:-1000])
    with pytest.raises(ItemError) as error:
        survey_audio(tmp_path / "cut.wav")
    assert error.value.reason == "truncated"


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("size", [3_000, 40_000])
def test_a_fingerprint_is_the_same_however_its_blocks_are_cut(rate_hz: int, size: int) -> None:
    samples_T = recording(6.0, seed=3)
    finder = PeakFinder(rate_hz)
    for start in range(0, len(samples_T), size):
        finder.add(samples_T[start : start + size])
    np.testing.assert_array_equal(finder.finish(), peaks_of(samples_T, rate_hz))


def test_memory_does_not_grow_with_the_length_of_a_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 1 << 16)
    monkeypatch.setattr(survey, "WHOLE", 0)
    peaks = []
    for minutes in (1, 6):
        path = tmp_path / f"{minutes}.wav"
        with sf.SoundFile(path, "w", 8_000, 1) as file:
            for minute in range(minutes):
                file.write(recording(30.0, seed=minute))  # 30 s at twice the rate
        tracemalloc.start()
        found = survey_audio(path)
        found.audible_s(SILENCE_DB)
        found.portions([(0, 64_000), (found.length - 64_000, found.length)])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1e6  # all samples of five minutes are 9.6 MB
