"""Silent, clipped, duplicate and pasted clips are found, and others are not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from data_contracts.errors import ContractError
from tasks.evaluate.metrics.checks import UndefinedMetricError
from tasks.evaluate.metrics.quality import PRESENT, duplicates, is_clipped, is_silent, pasted, unwanted
from tasks.media.fingerprint import peaks_of, similar
from tests.tasks.evaluate.sounds import RATE_HZ, noise, scene_audio, strike_scenes

SCENES = [scene_audio(scene) for scene in strike_scenes(6)]


def test_silence_is_silent_and_quiet_audio_is_not() -> None:
    assert is_silent(np.zeros(RATE_HZ, np.float32), RATE_HZ)
    assert is_silent(1e-5 * noise(1.0, level=1.0), RATE_HZ)
    assert not is_silent(1e-3 * noise(1.0, level=1.0), RATE_HZ)
    assert not any(is_silent(one, RATE_HZ) for one in SCENES)


def test_a_waveform_cut_off_at_full_scale_is_clipped() -> None:
    time = np.arange(44_100) / 44_100
    for hz in (50, 440, 5000):
        pure = np.sin(2 * np.pi * hz * time).astype(np.float32)
        assert not is_clipped(pure)
        assert is_clipped(np.clip(1.5 * pure, -1, 1)) == (hz < 5000)  # of a high tone a top has few samples
    loud = np.clip(3 * noise(1.0, level=0.5), -1, 1)
    assert is_clipped(loud) and is_clipped(-loud)


@pytest.mark.parametrize(
    "samples", [np.zeros(0), np.ones(3), np.full(100, 0.5), np.array([1, 0.2, 1, 1, 1, -1, -1, -1.0])]
)
def test_short_level_or_single_full_samples_are_not_clipped(samples: np.ndarray) -> None:
    assert not is_clipped(samples.astype(np.float32))
    assert is_clipped(np.concatenate([samples, [-1, -1, -1, -1]]).astype(np.float32))


def test_no_two_of_different_clips_are_duplicates_and_a_louder_shifted_copy_is() -> None:
    peaks = [peaks_of(one, RATE_HZ) for one in SCENES]
    assert duplicates(peaks) == frozenset()
    copy = 0.3 * np.roll(SCENES[2], 4000) + noise(8.0, level=1e-4)[: len(SCENES[2])]
    assert duplicates([*peaks, peaks_of(copy.astype(np.float32), RATE_HZ)]) == {2, 6}


def test_noise_and_silence_are_no_duplicates() -> None:
    sounds = [noise(8.0, seed=1), noise(8.0, seed=2), np.zeros(8 * RATE_HZ, np.float32), np.zeros(RATE_HZ, np.float32)]
    assert duplicates([peaks_of(one, RATE_HZ) for one in sounds]) == frozenset()
    assert duplicates([]) == frozenset()


def test_a_clip_that_holds_a_references_audio_is_pasted_whichever_reference() -> None:
    references = [peaks_of(one, RATE_HZ) for one in SCENES[:3]]
    start = np.concatenate([SCENES[1][: 4 * RATE_HZ], SCENES[5][: 4 * RATE_HZ]])
    generated = [peaks_of(one, RATE_HZ) for one in (SCENES[3], start, SCENES[4])]
    assert pasted(generated, references) == {1}
    assert pasted(references, references) == {0, 1, 2}
    assert pasted(generated, []) == pasted([], references) == frozenset()


def tones(times_s: tuple[float, ...], hz: float) -> np.ndarray:
    """Decaying tones without noise or overtones: so few peaks that hardly any three of them are near each other."""
    time = np.arange(4 * RATE_HZ) / RATE_HZ
    found = np.zeros(len(time))
    for start_s in times_s:
        since = np.maximum(time - start_s, 0)
        found += (time >= start_s) * 0.3 * np.exp(-10 * since) * np.sin(2 * np.pi * hz * since)
    return found.astype(np.float32)


def test_a_copy_of_few_pure_tones_is_found_at_any_level_and_other_times_or_tones_are_none() -> None:
    times_s = (0.31, 1.07, 2.2, 3.44)
    reference = peaks_of(tones(times_s, 700), RATE_HZ)
    assert not similar([reference, reference])  # too few keys that could agree
    others = [tones((0.5, 0.9, 2.6, 3.1), 700), tones(times_s, 900), tones(times_s[:1], 700)]
    generated = [peaks_of(one, RATE_HZ) for one in (*others, 0.5 * tones(times_s, 700))]
    assert pasted(generated, [reference]) == {3}
    assert duplicates([reference, *generated]) == {0, 4}


def test_copies_of_each_other_are_pasted_only_with_the_reference() -> None:
    twice = [peaks_of(SCENES[4], RATE_HZ)] * 2
    assert duplicates(twice) == {0, 1}
    assert pasted(twice, [peaks_of(SCENES[0], RATE_HZ)]) == frozenset()


def test_speech_is_unwanted_where_the_reference_has_none() -> None:
    least = math.log(PRESENT / (1 - PRESENT))
    generated = np.array([[-3.0, 2.0, -1.0], [-3.0, least - 0.1, 5.0], [least, -2.0, 1.0], [-1.0, 4.0, 0.0]])
    reference = np.array([[-3.0, -2.0, 9.0], [-3.0, -1.0, 5.0], [least - 0.1, -2.0, 1.0], [2.0, -4.0, 0.0]])
    assert list(unwanted(generated, [0, 1])) == [True, False, True, True]
    assert list(unwanted(generated, [0, 1], reference)) == [True, False, True, False]
    assert not unwanted(reference, [0, 1], reference).any()


def test_without_such_a_class_or_clip_nothing_can_be_said() -> None:
    logits = np.zeros((3, 4))
    with pytest.raises(UndefinedMetricError, match="unwanted sound: the judge has no class of it"):
        unwanted(logits, [])
    with pytest.raises(UndefinedMetricError, match="at least 1 row, got 0"):
        unwanted(logits[:0], [1])
    with pytest.raises(ContractError, match="one row per clip in both"):
        unwanted(logits, [1], logits[:2])
