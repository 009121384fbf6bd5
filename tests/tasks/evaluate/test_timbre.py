"""MFCC-cos (SPEC E2): one object sounds like itself, another material does not."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.corpus.builtin import scenes
from tasks.corpus.config import CorpusConfig
from tasks.corpus.scene import Scene
from tasks.evaluate.timbre import Timbre, Vector, mfcc_vector
from tests.tasks.evaluate.sounds import RATE_HZ, noise, scene_audio

Corpus = list[tuple[Scene, Vector]]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    strikes = [scene for scene in scenes(CorpusConfig()) if scene.kind == "strike"][:40]
    return [(scene, mfcc_vector(scene_audio(scene), RATE_HZ)) for scene in strikes]


def test_the_same_object_is_closer_than_another_material(corpus: Corpus) -> None:
    timbre = Timbre.fit([vector for _, vector in corpus])
    same, other = [], []
    for index, (scene, vector) in enumerate(corpus):
        for compared, other_vector in corpus[:index]:
            cosine = timbre.cosine(vector, other_vector)
            assert -1.0001 <= cosine <= 1.0001
            if scene.group_id == compared.group_id:
                same.append(cosine)
            elif scene.material != compared.material:
                other.append(cosine)
    assert np.mean(same) > 0.5
    assert abs(np.mean(other)) < 0.2


def test_level_does_not_matter_and_a_sound_is_like_itself(corpus: Corpus) -> None:
    timbre = Timbre.fit([vector for _, vector in corpus])
    sound = scene_audio(corpus[0][0])
    assert timbre.cosine(corpus[0][1], mfcc_vector(sound * np.float32(0.5), RATE_HZ)) > 0.97
    assert timbre.cosine(corpus[0][1], corpus[0][1]) == pytest.approx(1)


def test_silence_and_noise_have_vectors() -> None:
    for sound in (np.zeros(RATE_HZ, np.float32), noise(1.0), np.zeros(100, np.float32)):
        assert np.isfinite(mfcc_vector(sound, RATE_HZ)).all()


def test_quiet_audio_resembles_silence_which_is_what_fools_it(corpus: Corpus) -> None:
    timbre = Timbre.fit([vector for _, vector in corpus])
    silence = mfcc_vector(np.zeros(8 * RATE_HZ, np.float32), RATE_HZ)
    audio = scene_audio(corpus[0][0])
    likeness = [timbre.cosine(mfcc_vector(audio * np.float32(gain), RATE_HZ), silence) for gain in (1, 0.03, 0.001)]
    assert likeness == sorted(likeness) and likeness[-1] > 0.8
