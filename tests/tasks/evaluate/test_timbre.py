"""Timbre-cos (SPEC E2): one object sounds like itself at any level, another material, noise and silence do not."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.corpus.builtin import scenes
from tasks.corpus.config import CorpusConfig
from tasks.corpus.scene import Scene
from tasks.evaluate.timbre import UNLIKE, Timbre, Vector, timbre_vector
from tests.tasks.evaluate.sounds import RATE_HZ, noise, scene_audio

Corpus = list[tuple[Scene, Vector]]
SILENCES = (np.zeros(8 * RATE_HZ, np.float32), np.zeros(100, np.float32), noise(8.0, level=1e-4))


def vector_of(audio: np.ndarray) -> Vector:
    vector = timbre_vector(audio, RATE_HZ)
    assert vector is not None and vector.shape == (40,) and np.isfinite(vector).all()
    return vector


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    strikes = [scene for scene in scenes(CorpusConfig()) if scene.kind == "strike"][:40]
    return [(scene, vector_of(scene_audio(scene))) for scene in strikes]


@pytest.fixture(scope="module")
def timbre(corpus: Corpus) -> Timbre:
    return Timbre.fit([vector for _, vector in corpus])


def test_the_same_object_is_closer_than_another_material(corpus: Corpus, timbre: Timbre) -> None:
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


@pytest.mark.parametrize("gain_db", [-20.0, -6.0, 6.0])
def test_a_gain_changes_nothing(corpus: Corpus, timbre: Timbre, gain_db: float) -> None:
    plain = [(scene, vector) for scene, vector in corpus if scene.volume is None and scene.distance is None]
    for scene, vector in plain[:4]:
        changed = vector_of(scene_audio(scene) * np.float32(10 ** (gain_db / 20)))
        assert timbre.cosine(vector, changed) > 0.999


def test_quiet_audio_does_not_resemble_silence_or_other_quiet_audio(corpus: Corpus, timbre: Timbre) -> None:
    """A measure with an absolute floor is fooled here: everything quiet is alike."""
    plain = {scene.material: scene for scene, _ in corpus if scene.volume is None and scene.distance is None}
    quiet = [vector_of(scene_audio(plain[name]) * np.float32(0.1)) for name in ("glass", "wood")]
    assert timbre.cosine(*quiet) < 0.3
    for silence in SILENCES:
        assert timbre.cosine(quiet[0], timbre_vector(silence, RATE_HZ)) == UNLIKE


def test_noise_is_less_like_a_strike_than_another_take_of_it(corpus: Corpus, timbre: Timbre) -> None:
    hiss = vector_of(noise())
    by_group: dict[str, list[Vector]] = {}
    for scene, vector in corpus:
        by_group.setdefault(scene.group_id, []).append(vector)
    takes = [members for members in by_group.values() if len(members) > 1]
    assert np.mean([timbre.cosine(a, b) for a, b, *_ in takes]) > 0.3 + np.mean(
        [timbre.cosine(a, hiss) for a, *_ in takes]
    )


@pytest.mark.parametrize("audio", SILENCES)
def test_silent_audio_has_no_timbre_and_is_like_nothing(audio: np.ndarray, timbre: Timbre) -> None:
    assert timbre_vector(audio, RATE_HZ) is None
    assert timbre.cosine(None, None) == timbre.cosine(None, timbre.mean) == UNLIKE


def test_short_audio_and_other_rates_have_vectors(corpus: Corpus, timbre: Timbre) -> None:
    vector_of(noise(0.03))
    scene, vector = corpus[0]
    assert timbre.cosine(vector, vector) == pytest.approx(1)
    doubled = np.repeat(scene_audio(scene), 2)  # the same audio at twice the rate, with images above 8 kHz
    again = timbre_vector(doubled, 2 * RATE_HZ)
    assert timbre.cosine(vector, again) > 0.95
