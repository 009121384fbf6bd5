"""likeness-corpus-cnn (SPEC E2): the codec's output is like the truth; other objects, noise and silence are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from model.codec import load_codec
from model.judges import AudioJudge, load_judge
from tasks.corpus.scenes import make_scenes
from tasks.evaluate import baselines
from tasks.evaluate.columns import COLUMN_OF, LIKENESS
from tasks.evaluate.judged import clip_values
from tasks.evaluate.judging import Said
from tasks.media.samples import Samples
from tests.tasks.evaluate.sounds import RATE_HZ, scene_audio

OBJECTS = 8
COLUMN = COLUMN_OF["likeness-corpus-cnn"]
Likeness = Callable[[Sequence[Samples], Sequence[Samples]], np.ndarray]


@pytest.fixture(scope="module")
def truths() -> list[Samples]:
    """One clip of each of eight objects of a seed on which neither judge nor codec was trained, one per material."""
    scenes = make_scenes(2 * OBJECTS, has_video=True, seed=4_711)[::2]
    assert len({scene.material for scene in scenes}) == OBJECTS
    return [scene_audio(scene) for scene in scenes]


@pytest.fixture(scope="module")
def likeness() -> Likeness:
    judge = load_judge("corpus-cnn")
    assert isinstance(judge, AudioJudge)

    def said(sounds: Sequence[Samples]) -> list[Said]:
        outputs = judge.judge_audio([torch.from_numpy(sound) for sound in sounds], seeds=range(len(sounds)))
        return [{name: value.numpy() for name, value in one.items()} for one in outputs]

    def values(made: Sequence[Samples], references: Sequence[Samples]) -> np.ndarray:
        found = clip_values(COLUMN, judge, said(made), said(references))
        return np.array([found[place] for place in range(len(made))])

    return values


@pytest.fixture(scope="module")
def systems(truths: list[Samples]) -> dict[str, list[Samples]]:
    codec = load_codec("embedded_16k")
    mean_BNF, _ = codec.encode(torch.from_numpy(np.stack(truths)))
    length = len(truths[0])
    return {
        baselines.TRUTH: truths,
        baselines.CODEC_UPPER_BOUND: [one.numpy()[:length] for one in codec.decode(mean_BNF)],
        baselines.SHUFFLED: [*truths[1:], truths[0]],
        baselines.CLICKS: [baselines.clicks(length, RATE_HZ)] * OBJECTS,
        baselines.NOISE: [baselines.white_noise(length, np.random.default_rng(seed)) for seed in range(OBJECTS)],
        baselines.SILENCE: [baselines.silence(length)] * OBJECTS,
    }


def scaled(sounds: Sequence[Samples], gain_db: float) -> list[Samples]:
    return [sound * np.float32(10 ** (gain_db / 20)) for sound in sounds]


def test_truth_is_before_the_codec_and_both_are_far_before_everything_else(
    likeness: Likeness, systems: dict[str, list[Samples]]
) -> None:
    found = {name: likeness(sounds, systems[baselines.TRUTH]) for name, sounds in systems.items()}
    np.testing.assert_allclose(found[baselines.TRUTH], 1.0, atol=1e-5)
    assert 1 - 1e-5 > found[baselines.CODEC_UPPER_BOUND].min() > 0.9
    for name in (baselines.SHUFFLED, baselines.CLICKS, baselines.NOISE, baselines.SILENCE):
        assert found[name].mean() < 0.3, name
        assert found[name].max() < found[baselines.CODEC_UPPER_BOUND].min(), name


def test_silence_is_like_nothing_and_not_like_what_the_codec_makes(
    likeness: Likeness, systems: dict[str, list[Samples]]
) -> None:
    for name, sounds in systems.items():
        assert not likeness(systems[baselines.SILENCE], sounds).any(), name


@pytest.mark.parametrize("gain_db", [-40.0, -20.0, 6.0])
def test_a_level_changes_nothing(likeness: Likeness, systems: dict[str, list[Samples]], gain_db: float) -> None:
    """Quiet clips are as different as loud ones, and as far from silence."""
    truths, shuffled = systems[baselines.TRUTH], systems[baselines.SHUFFLED]
    np.testing.assert_allclose(likeness(scaled(truths, gain_db), truths), 1.0, atol=1e-3)
    both = likeness(scaled(shuffled, gain_db), scaled(truths, gain_db))
    np.testing.assert_allclose(both, likeness(shuffled, truths), atol=5e-3)


def test_likeness_columns_compare_with_what_should_be_resembled() -> None:
    assert LIKENESS[0] == COLUMN.name and COLUMN.is_likeness and COLUMN.is_per_clip
    for name in LIKENESS:
        column = COLUMN_OF[name]
        assert column.is_likeness and column.higher_is_better and column.output == "embedding"
    assert not {"KL-corpus-cnn", "FD-corpus-cnn", "CLAP_T", "IB-score"} & set(LIKENESS)
