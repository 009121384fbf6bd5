"""The material classifier: right on objects that it has not heard, at any level, and never for silence."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tasks.corpus.scene import Scene
from tasks.corpus.scenes import make_scenes
from tasks.evaluate.material import MaterialClassifier, Vector, mfcc_statistics
from tasks.media.samples import Samples
from tests.tasks.evaluate.sounds import RATE_HZ, noise, scene_audio

SCENES = make_scenes(240, has_video=True, seed=5)
TRAIN = [scene for scene in SCENES if scene.split == "train"][::3]  # 3 and 8 materials: all of them
TEST = [scene for scene in SCENES if scene.split == "test"][::3]


SILENCES: tuple[Samples, ...] = (np.zeros(8 * RATE_HZ, np.float32), np.zeros(100, np.float32), noise(8.0, level=1e-4))


def vectors_of(scenes: list[Scene], gain: float = 1.0) -> list[Vector | None]:
    return [mfcc_statistics(scene_audio(scene) * np.float32(gain), RATE_HZ) for scene in scenes]


@pytest.fixture(scope="module")
def train() -> list[Vector | None]:
    return vectors_of(TRAIN)


@pytest.fixture(scope="module")
def classifier(train: list[Vector | None]) -> MaterialClassifier:
    found = MaterialClassifier.fit(train, [scene.material for scene in TRAIN])
    assert found is not None
    return found


@pytest.mark.parametrize("gain", [1.0, 0.3])
def test_unheard_objects_are_recognised_at_any_level(classifier: MaterialClassifier, gain: float) -> None:
    named = [classifier.material(vector) for vector in vectors_of(TEST, gain)]
    right = [name == scene.material for name, scene in zip(named, TEST, strict=True)]
    assert np.mean(right) > 0.8
    shifted = [name == scene.material for name, scene in zip(named, TEST[1:] + TEST[:1], strict=True)]
    assert np.mean(shifted) < 0.3  # the audio of other clips is right by chance


def test_silence_has_no_material_and_noise_one_at_most(classifier: MaterialClassifier) -> None:
    assert {classifier.material(mfcc_statistics(silence, RATE_HZ)) for silence in SILENCES} == {None}
    named = [classifier.material(mfcc_statistics(noise(seed=seed), RATE_HZ)) for seed in range(4)]
    assert len(Counter(named)) == 1  # right for no more clips than a constant answer is


def test_it_knows_the_materials_that_it_heard_often_enough(train: list[Vector | None]) -> None:
    names = ["wood"] * 3 + ["metal"] * 3 + ["stone"] * 2 + ["glass"] * 3
    found = MaterialClassifier.fit([*train[:8], train[8], train[9], None], names)  # of glass, one clip is silent
    assert found is not None
    assert {name for name in ("wood", "metal", "stone", "glass", None) if found.knows(name)} == {"wood", "metal"}


@pytest.mark.parametrize("materials", [[], ["wood"] * 8, ["wood"] * 6 + ["metal"] * 2])
def test_with_fewer_than_two_materials_there_is_no_classifier(train: list[Vector | None], materials: list[str]) -> None:
    assert MaterialClassifier.fit(train[: len(materials)], materials) is None


def test_the_fit_does_not_depend_on_chance(classifier: MaterialClassifier, train: list[Vector | None]) -> None:
    again = MaterialClassifier.fit(train, [scene.material for scene in TRAIN])
    assert again is not None
    np.testing.assert_array_equal(again.model[-1].coef_, classifier.model[-1].coef_)


@pytest.mark.parametrize("gain_db", [-20.0, 6.0])
def test_a_gain_changes_no_statistic(train: list[Vector | None], gain_db: float) -> None:
    plain = [(scene, vector) for scene, vector in zip(TRAIN, train, strict=True) if scene.distance is None]
    for scene, vector in plain[:3]:
        changed = mfcc_statistics(scene_audio(scene) * np.float32(10 ** (gain_db / 20)), RATE_HZ)
        np.testing.assert_allclose(changed, vector, atol=0.05)


def test_short_audio_and_other_rates_have_statistics() -> None:
    short = mfcc_statistics(noise(0.03), RATE_HZ)
    assert short is not None and short.shape == (40,) and np.isfinite(short).all()
    audio = scene_audio(TRAIN[0])
    again = mfcc_statistics(np.repeat(audio, 2), 2 * RATE_HZ)  # the same audio at twice the rate
    vector = mfcc_statistics(audio, RATE_HZ)
    assert again is not None and vector is not None
    assert np.corrcoef(again, vector)[0, 1] > 0.95
