"""What every metric must order rightly: the truth, the noisy truth, another clip, noise and silence; and the level.

The judge is a plain one, so that only the metrics are tested: the mean and deviation over time of a clip's log spectrum
in bands, without its level. Its classes are those of eight clips that it knows, by distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from tasks.evaluate import baselines
from tasks.evaluate.clip_metrics import Target, measure_part, score_clip
from tasks.evaluate.metrics.divergence import inception_score, kl_per_clip
from tasks.evaluate.metrics.frechet import feature_distance
from tasks.evaluate.metrics.kernel import kernel_distance
from tasks.evaluate.metrics.loudness import lufs
from tasks.evaluate.metrics.quality import duplicates, is_silent, pasted
from tasks.evaluate.metrics.set_baselines import baseline_sounds, other_half
from tasks.media.fingerprint import peaks_of
from tests.tasks.evaluate.sounds import RATE_HZ, noise, scene_audio, strike_scenes

BANDS = 24


def embedding(samples: np.ndarray) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), 1024)[::512]
    power = np.abs(np.fft.rfft(frames * np.hanning(1024), axis=1)) ** 2
    edges = np.geomspace(2, 512, BANDS + 1).astype(int)
    bands = np.stack([power[:, a : max(b, a + 1)].mean(axis=1) for a, b in pairwise(edges)], axis=1)
    if not bands.any():
        return np.zeros(2 * BANDS)
    decibels = 10 * np.log10(bands / bands.max() + 1e-5) / 10
    return np.concatenate([decibels.mean(axis=0), decibels.std(axis=0)])


@dataclass(frozen=True)
class Judged:
    features: np.ndarray
    logits: np.ndarray


TRUTHS = [scene_audio(scene)[: 4 * RATE_HZ] for scene in strike_scenes(24)]
KNOWN = np.stack([embedding(one) for one in TRUTHS[::3]])


def judged(sounds: list[np.ndarray]) -> Judged:
    features = np.stack([embedding(one) for one in sounds])
    return Judged(features, -np.square(features[:, None] - KNOWN).sum(axis=2) / 2)


def noisy(samples: np.ndarray, seed: int) -> np.ndarray:
    level = float(np.sqrt(np.mean(np.square(samples)))) * 10 ** (-30 / 20)
    return samples + noise(len(samples) / RATE_HZ, level=level, seed=seed)


@pytest.fixture(scope="module")
def systems() -> dict[str, Judged]:
    made = {
        baselines.TRUTH: TRUTHS,
        "noisy": [noisy(one, seed) for seed, one in enumerate(TRUTHS)],
        **baseline_sounds(TRUTHS, range(len(TRUTHS)), seed=1),
    }
    return {name: judged(sounds) for name, sounds in made.items()}


def test_metrics_of_pairs_put_truth_first_then_noisy_truth_then_other_clips(systems: dict[str, Judged]) -> None:
    truth = systems[baselines.TRUTH]
    kl = {name: kl_per_clip(one.logits, truth.logits).mean() for name, one in systems.items()}
    likeness = {name: -np.linalg.norm(one.features - truth.features, axis=1).mean() for name, one in systems.items()}
    assert 0 == kl[baselines.TRUTH] < kl["noisy"] < kl[baselines.SHUFFLED]
    assert kl["noisy"] < min(kl[baselines.NOISE], kl[baselines.SILENCE])
    order = [baselines.TRUTH, "noisy", baselines.SHUFFLED, baselines.NOISE]
    assert sorted(order, key=lambda name: -likeness[name]) == order


@pytest.mark.parametrize("distance", [feature_distance, kernel_distance])
def test_metrics_of_sets_put_other_real_clips_before_noise_and_silence(distance, systems: dict[str, Judged]) -> None:
    truth = systems[baselines.TRUTH].features
    found = {name: distance(one.features, truth) for name, one in systems.items()}
    assert found[baselines.TRUTH] <= found["noisy"] < min(found[baselines.NOISE], found[baselines.SILENCE])
    assert found[baselines.SHUFFLED] == pytest.approx(found[baselines.TRUTH], abs=1e-6)  # pairs do not matter
    bound = other_half(distance, truth, range(len(truth)), seed=1).value
    assert bound < min(found[baselines.NOISE], found[baselines.SILENCE])


def test_the_inception_score_of_clips_that_are_alike_is_one(systems: dict[str, Judged]) -> None:
    scores = {name: inception_score(one.logits).mean for name, one in systems.items()}
    assert scores[baselines.SILENCE] == pytest.approx(1.0)
    assert scores[baselines.NOISE] < scores["noisy"] and scores[baselines.NOISE] < scores[baselines.TRUTH]


def test_a_change_of_level_changes_the_level_alone(systems: dict[str, Judged]) -> None:
    quiet = [np.float32(0.25) * one for one in TRUTHS]
    truth, turned = systems[baselines.TRUTH], judged(quiet)
    assert np.allclose(turned.features, truth.features, atol=1e-6)
    assert kl_per_clip(turned.logits, truth.logits).mean() == pytest.approx(0, abs=1e-9)
    assert feature_distance(turned.features, truth.features) == pytest.approx(0, abs=1e-6)
    for loud, soft in zip(TRUTHS[:4], quiet[:4], strict=True):
        first, second = lufs(loud, RATE_HZ), lufs(soft, RATE_HZ)
        assert first is not None and second is not None and second - first == pytest.approx(-12.04, abs=0.2)
        assert not is_silent(soft, RATE_HZ)
    peaks = [peaks_of(one, RATE_HZ) for one in TRUTHS[:6]], [peaks_of(one, RATE_HZ) for one in quiet[:6]]
    assert duplicates(peaks[0]) == duplicates(peaks[1])
    assert pasted(peaks[1], peaks[0]) == set(range(6))


def test_a_change_of_level_changes_only_the_level_of_a_clips_scores() -> None:
    truth = measure_part(TRUTHS[0], RATE_HZ, 0.0, 4.0)
    target = Target(truth=truth, events_s=truth.onsets_s)
    same, quiet = (
        score_clip(target, measure_part(np.float32(gain) * TRUTHS[0], RATE_HZ, 0.0, 4.0)) for gain in (1.0, 0.25)
    )
    changed = {name for name in same if same[name] != pytest.approx(quiet[name], abs=1e-6)}
    assert changed == {"level_difference_db", "level_dbfs"}
    assert quiet["level_difference_db"] == pytest.approx(-12.04, abs=0.1)
