"""The material classifier: right on objects that it has not heard, by timbre alone, and never for silence."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tasks.corpus.scene import Scene
from tasks.corpus.scenes import make_scenes
from tasks.evaluate.material import MaterialClassifier
from tasks.evaluate.timbre import Vector, timbre_vector
from tests.tasks.evaluate.sounds import RATE_HZ, noise, scene_audio

SCENES = make_scenes(240, has_video=True, seed=5)
TRAIN = [scene for scene in SCENES if scene.split == "train"][::3]  # 3 and 8 materials: all of them
TEST = [scene for scene in SCENES if scene.split == "test"][::3]


def vectors_of(scenes: list[Scene], gain: float = 1.0) -> list[Vector]:
    vectors = [timbre_vector(scene_audio(scene) * np.float32(gain), RATE_HZ) for scene in scenes]
    return [vector for vector in vectors if vector is not None]


@pytest.fixture(scope="module")
def train() -> list[Vector]:
    return vectors_of(TRAIN)


@pytest.fixture(scope="module")
def classifier(train: list[Vector]) -> MaterialClassifier:
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
    assert classifier.material(timbre_vector(np.zeros(8 * RATE_HZ, np.float32), RATE_HZ)) is None
    named = [classifier.material(timbre_vector(noise(seed=seed), RATE_HZ)) for seed in range(4)]
    assert len(Counter(named)) == 1  # right for no more clips than a constant answer is


def test_it_knows_the_materials_that_it_heard_often_enough(train: list[Vector]) -> None:
    names: list[str | None] = [None] * len(train)
    names[:3], names[3:6], names[6:8] = ["wood"] * 3, ["metal"] * 3, ["stone"] * 2
    found = MaterialClassifier.fit(train, names)
    assert found is not None
    assert {name for name in ("wood", "metal", "stone", "glass", None) if found.knows(name)} == {"wood", "metal"}


@pytest.mark.parametrize("materials", [[None] * 8, ["wood"] * 8, ["wood"] * 6 + ["metal"] * 2])
def test_with_fewer_than_two_materials_there_is_no_classifier(train: list[Vector], materials: list[str | None]) -> None:
    assert MaterialClassifier.fit(train[:8], materials) is None


def test_the_fit_does_not_depend_on_chance(classifier: MaterialClassifier, train: list[Vector]) -> None:
    again = MaterialClassifier.fit(train, [scene.material for scene in TRAIN])
    assert again is not None
    np.testing.assert_array_equal(again.model.coef_, classifier.model.coef_)
