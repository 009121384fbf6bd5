"""Motion features (SPEC M8): a linear model finds the strikes in them."""

import numpy as np
import pytest
import torch

from data_contracts import ContractError
from model.encoders import load_sync_encoder
from model.encoders.motion import SIZE
from tasks.corpus.builtin import scenes
from tasks.corpus.config import CorpusConfig
from tasks.corpus.drawing import draw_scene
from tasks.evaluate.events import event_f1

WINDOW = 3
FPS = 25.0


def small(frames_THWC):
    """Returns 64 x 64 frames from the corpus's 128 x 128 ones."""
    even, odd = frames_THWC[:, ::2, ::2], frames_THWC[:, 1::2, 1::2]
    return (even // 2 + odd // 2).astype(np.uint8)


@pytest.fixture(scope="module")
def videos():
    """80 scenes as (features (T, D), event times)."""
    encoder = load_sync_encoder("motion")
    found = [scene for scene in scenes(CorpusConfig()) if scene.has_video]
    chosen = [found[int(index)] for index in np.random.default_rng(0).permutation(len(found))[:80]]
    return [(encoder.encode(small(draw_scene(scene))).numpy(), scene.event_times_s) for scene in chosen]


def windows(features_TD):
    padded = np.pad(features_TD, ((WINDOW, WINDOW), (0, 0)))
    shifted = [padded[start : start + len(features_TD)] for start in range(2 * WINDOW + 1)]
    return np.concatenate([*shifted, np.ones((len(features_TD), 1))], axis=1)


def bumps(times_s, frames):
    at_s = np.arange(frames)[:, None] / FPS
    return np.exp(-0.5 * ((at_s - np.asarray(times_s)[None]) / 0.03) ** 2).max(axis=1)


def peaks(curve, threshold=0.45):
    taken: list[int] = []
    for index in np.argsort(-curve):
        if curve[index] >= threshold and all(abs(index - other) >= 4 for other in taken):
            taken.append(int(index))
    return [index / FPS for index in sorted(taken)]


def test_m8_a_ridge_regression_finds_the_strikes_of_unseen_scenes(videos):
    train, test = videos[:60], videos[60:]
    x = np.concatenate([windows(features) for features, _ in train])
    y = np.concatenate([bumps(times, len(features)) for features, times in train])
    weights = np.linalg.solve(x.T @ x + 10 * np.eye(x.shape[1]), x.T @ y)
    scores = [event_f1(times, peaks(windows(features) @ weights), 0.1) for features, times in test]
    assert np.mean(scores) > 0.9


def test_features_are_about_unit_scale(videos):
    values = np.concatenate([features for features, _ in videos])
    assert 0.2 < values.std() < 2.0
    assert np.abs(values).max() < 20


def test_a_still_video_gives_zeros():
    encoder = load_sync_encoder("motion")
    still = np.repeat(np.random.default_rng(0).integers(0, 256, (1, SIZE, SIZE, 3), dtype=np.uint8), 200, axis=0)
    features = encoder.encode(still)
    assert features.shape == (encoder.spec.length(8.0), encoder.spec.dim) == (200, 64)
    assert torch.count_nonzero(features) == 0


def test_down_and_up_have_opposite_signs():
    encoder = load_sync_encoder("motion")
    video = np.zeros((12, SIZE, SIZE, 3), np.uint8)
    for index in range(12):
        video[index, 10 + 3 * index : 20 + 3 * index, 20:40] = 200
    net = 48 + 3
    down, up = encoder.encode(video)[2:, net], encoder.encode(video[::-1].copy())[2:, net]
    assert (down > 0.1).all()
    assert (up < -0.1).all()


def test_wrong_frames_are_refused():
    with pytest.raises(ContractError, match="expected"):
        load_sync_encoder("motion").encode(np.zeros((0, SIZE, SIZE, 3), np.uint8))
