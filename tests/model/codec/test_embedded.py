"""The shipped codec (SPEC M2): small, described by its card, and true to the timing and the level of strikes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.codec_quality import onset_s, round_trip
from model.codec import Codec, codec_path, load_codec
from tasks.corpus.builtin import scene_audio
from tasks.corpus.config import CorpusConfig
from tasks.corpus.scene import Scene
from tasks.corpus.scenes import make_scenes


@pytest.fixture(scope="module")
def codec() -> Codec:
    return load_codec("embedded_16k")


@pytest.fixture(scope="module")
def held_out() -> list[Scene]:
    scenes = make_scenes(224, has_video=True, seed=CorpusConfig().seed)
    return [scene for scene in scenes if scene.split != "train"][::4]


def test_the_card_describes_these_very_weights(codec: Codec) -> None:
    path = codec_path("embedded_16k")
    assert path.stat().st_size < 8_000_000
    assert codec.spec.weights_sha256 in (path.parent / "MODEL_CARD.md").read_text("utf-8")


def test_spec_is_what_the_demo_counts_on(codec: Codec) -> None:
    spec = codec.spec
    assert (spec.name, spec.sample_rate_hz, spec.hop, spec.frames(8.0), spec.placeholder) == (
        "embedded_16k", 16_000, 640, 200, True,
    )  # fmt: skip


def test_strikes_stay_where_they_are(codec: Codec, held_out: list[Scene]) -> None:
    shifts = []
    for scene in held_out:
        real_T = scene_audio(scene)
        made_T = round_trip(codec, real_T)
        shifts += [abs(onset_s(made_T, event_s) - onset_s(real_T, event_s)) for event_s in scene.event_times_s]
    assert np.median(shifts) <= 0.005
    assert np.mean(np.asarray(shifts) <= 0.015) >= 0.8


def test_level_differences_survive(codec: Codec, held_out: list[Scene]) -> None:
    """SPEC A5, A1: loud and quiet stay apart through the codec."""
    clips = [scene_audio(scene) for scene in held_out]
    before = [level_db(audio_T) for audio_T in clips]
    after = [level_db(round_trip(codec, audio_T)) for audio_T in clips]
    changes_db = np.subtract(after, before)
    assert abs(np.median(changes_db)) < 0.5 and np.percentile(np.abs(changes_db), 95) < 2


def test_latents_are_in_use_and_moderate(codec: Codec, held_out: list[Scene]) -> None:
    audio = torch.from_numpy(np.stack([scene_audio(scene) for scene in held_out[:8]]))
    mean_BNF, std_BNF = codec.encode(audio)
    spread_F = mean_BNF.flatten(0, 1).std(0)
    assert mean_BNF.abs().max() < 30
    assert bool((spread_F > 2 * std_BNF.mean((0, 1))).all())


def level_db(audio_T: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(audio_T**2) + 1e-12))
