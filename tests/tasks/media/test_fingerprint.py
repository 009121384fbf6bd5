"""Laws of the fingerprint: encoding, level, rate and trimming do not hide shared audio; other audio shares nothing."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.media.audio import read_audio, resample, write_flac
from tasks.media.audio_track import AudioTrack
from tasks.media.fingerprint import PeakFinder, Peaks, peaks_in, peaks_of, similar, text_of

RATE = 16_000


def texture(seed: int, duration_s: float = 6.0) -> np.ndarray:
    """Returns decaying tones at random times over faint noise."""
    rng = np.random.default_rng(seed)
    samples = 0.003 * rng.standard_normal(round(duration_s * RATE))
    t = np.arange(RATE // 3) / RATE
    for _ in range(round(8 * duration_s)):
        start = int(rng.integers(0, len(samples) - len(t)))
        samples[start : start + len(t)] += (
            rng.uniform(0.1, 0.3) * np.exp(-9 * t) * np.sin(2 * np.pi * rng.uniform(200, 3600) * t)
        )
    return samples.astype(np.float32)


def encoded(samples: np.ndarray, folder: Path, codec: str) -> np.ndarray:
    """Returns what a lossy encoder leaves."""
    path = folder / "encoded.mkv"
    with av.open(str(path), "w") as target:
        AudioTrack(target, samples, RATE, codec).finish()
    return read_audio(path)[0]


def shares(first: np.ndarray, second: np.ndarray, rate_hz: int = RATE) -> bool:
    """Whether the two are found to share audio."""
    return bool(similar([peaks_of(first, RATE), peaks_of(second, rate_hz)]))


def test_the_same_audio_encoded_trimmed_quieter_or_at_another_rate_is_similar(tmp_path: Path) -> None:
    original = texture(1)
    assert shares(original, encoded(original, tmp_path, "aac"))
    assert shares(original, 0.1 * original)
    assert shares(original, original[round(1.234 * RATE) :])
    assert shares(original, original[: round(2.5 * RATE)])
    assert shares(original, encoded(0.5 * original[round(0.777 * RATE) :], tmp_path, "aac"))
    assert shares(original, resample(original, RATE, 44_100), 44_100)
    write_flac(tmp_path / "a.flac", original, RATE)
    assert shares(original, read_audio(tmp_path / "a.flac")[0])


def test_other_audio_of_the_same_kind_is_not_similar() -> None:
    assert similar([peaks_of(texture(seed), RATE) for seed in range(8)]) == []
    noise = [np.random.default_rng(n).standard_normal(6 * RATE).astype(np.float32) for n in range(4)]
    assert similar([peaks_of(0.1 * samples, RATE) for samples in noise]) == []


def test_two_parts_of_one_recording_that_do_not_overlap_are_not_similar() -> None:
    whole = texture(2, 12.0)
    assert not shares(whole[: 6 * RATE], whole[6 * RATE :])
    assert shares(whole[: 8 * RATE], whole[4 * RATE :])


def bark(seed: int, pitch_hz: float) -> np.ndarray:
    """Returns one short harmonic sound after a pause: far fewer than 48 peaks."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(0.4 * RATE)) / RATE
    tones = sum(rng.uniform(0.05, 0.3) * np.sin(2 * np.pi * pitch_hz * (n - 2 * t) * t * n) for n in range(1, 9))
    samples = np.zeros(4 * RATE)
    samples[RATE : RATE + len(t)] = tones * np.exp(-9 * t) * (1 - np.exp(-200 * t))
    return (0.5 * samples).astype(np.float32)


def test_one_bark_is_found_again_encoded_or_trimmed(tmp_path: Path) -> None:
    original = bark(1, 310)
    assert shares(original, encoded(0.6 * original, tmp_path, "aac"))
    assert shares(original, original[round(0.512 * RATE) :])


def test_other_barks_are_not_found() -> None:
    assert similar([peaks_of(bark(seed, pitch), RATE) for seed, pitch in enumerate((240, 310, 355, 420, 505))]) == []


def test_a_sparse_recording_has_the_same_peaks_however_it_is_divided() -> None:
    samples = bark(2, 280)
    finder = PeakFinder(RATE)
    for start in range(0, len(samples), 5000):
        finder.add(samples[start : start + 5000])
    assert np.array_equal(finder.finish(), peaks_of(samples, RATE))


def test_many_copies_are_linked_to_each_other() -> None:
    prints = [peaks_of(texture(3), RATE)] * 30 + [peaks_of(texture(4), RATE)]
    linked = {0}
    pairs = similar(prints)
    while more := {n for pair in pairs if linked & set(pair) for n in pair} - linked:
        linked |= more
    assert linked == set(range(30))


def test_pairs_do_not_depend_on_how_the_keys_are_parted(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = texture(5, 12.0)
    prints = [peaks_of(part, RATE) for part in (whole[: 8 * RATE], texture(6), whole[3 * RATE :], whole[5 * RATE :])]
    expected = similar(prints)
    monkeypatch.setattr("tasks.media.fingerprint._KEYS_AT_A_TIME", 100)
    monkeypatch.setattr("tasks.media.fingerprint._BLOCK", 16)
    assert similar(prints) == expected
    assert expected == [(0, 2), (0, 3), (2, 3)]


@pytest.mark.parametrize("samples", [0, 1, 511, 512, 600])
def test_short_and_silent_audio_has_few_peaks_or_none(samples: int) -> None:
    assert len(peaks_of(np.zeros(samples, np.float32), RATE)) == 0
    assert similar([peaks_of(np.ones(samples, np.float32), RATE)] * 2) == []


def test_nothing_is_similar_to_nothing() -> None:
    assert similar([]) == [] == similar([np.zeros(0, np.uint32)] * 3)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 2**32 - 1), max_size=40))
def test_peaks_survive_as_text(values: list[int]) -> None:
    peaks: Peaks = np.array(values, np.uint32)
    assert np.array_equal(peaks_in(text_of(peaks)), peaks)


def test_peaks_lie_where_the_tones_are() -> None:
    t = np.arange(2 * RATE) / RATE
    samples = (np.exp(-(((t - 1.0) / 0.05) ** 2)) * np.sin(2 * np.pi * 1000 * t)).astype(np.float32)
    loudest = peaks_of(samples, RATE)[0]
    assert (loudest >> 8) * 128 / 8000 == pytest.approx(1.0 - 0.032, abs=0.02)  # the window's start
    assert ((loudest & 255) + 1) * 8000 / 512 == pytest.approx(1000, abs=16)
