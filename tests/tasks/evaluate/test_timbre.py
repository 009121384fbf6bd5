"""MFCC-cos (SPEC E2): one object sounds like itself, another material does not."""

import numpy as np
import pytest

from tasks.corpus.builtin import scenes
from tasks.corpus.config import CorpusConfig
from tasks.evaluate.timbre import Timbre, mfcc_vector
from tests.tasks.evaluate.sounds import RATE_HZ, noise, scene_audio


@pytest.fixture(scope="module")
def corpus():
    strikes = [scene for scene in scenes(CorpusConfig()) if scene.kind == "strike"][:56:2]
    return [(scene, mfcc_vector(scene_audio(scene), RATE_HZ)) for scene in strikes]


def test_the_same_object_is_closer_than_another_material(corpus):
    timbre = Timbre.fit([vector for _, vector in corpus])
    same, other = [], []
    for index, (scene, vector) in enumerate(corpus):
        for rival, rival_vector in corpus[:index]:
            cosine = timbre.cosine(vector, rival_vector)
            assert -1.0001 <= cosine <= 1.0001
            if scene.group_id == rival.group_id:
                same.append(cosine)
            elif scene.material != rival.material:
                other.append(cosine)
    assert np.mean(same) > 0.5
    assert abs(np.mean(other)) < 0.2


def test_level_does_not_matter_and_a_sound_is_like_itself(corpus):
    timbre = Timbre.fit([vector for _, vector in corpus])
    sound = scene_audio(corpus[0][0])
    assert timbre.cosine(corpus[0][1], mfcc_vector(sound * np.float32(0.5), RATE_HZ)) > 0.97
    assert timbre.cosine(corpus[0][1], corpus[0][1]) == pytest.approx(1)


def test_silence_and_noise_have_vectors():
    for sound in (np.zeros(RATE_HZ, np.float32), noise(1.0), np.zeros(100, np.float32)):
        assert np.isfinite(mfcc_vector(sound, RATE_HZ)).all()
