"""The shipped codec (SPEC M2): small, described by its card, and true to the timing and the level of strikes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.codec_measures import level_db, onset_s, quality, round_trip
from benchmarks.codec_quality import Pair, pair_of
from model.codec import Codec, codec_path, load_codec
from tasks.corpus.builtin import scene_audio
from tasks.corpus.config import CorpusConfig
from tasks.corpus.scene import STRIKE
from tasks.corpus.scenes import make_scenes


@pytest.fixture(scope="module")
def codec() -> Codec:
    return load_codec("embedded_16k")


@pytest.fixture(scope="module")
def pairs(codec: Codec) -> list[Pair]:
    """Held-out strikes and their round trips."""
    scenes = make_scenes(224, has_video=True, seed=CorpusConfig().seed)
    held_out = [scene for scene in scenes if scene.split != "train" and scene.kind == STRIKE][::12]
    return [pair_of(codec, scene_audio(scene), scene) for scene in held_out]


def test_the_card_describes_these_very_weights(codec: Codec) -> None:
    path = codec_path("embedded_16k")
    assert path.stat().st_size < 8_000_000
    assert codec.spec.weights_sha256 in (path.parent / "MODEL_CARD.md").read_text("utf-8")


def test_spec_is_what_the_demo_counts_on(codec: Codec) -> None:
    spec = codec.spec
    assert (spec.name, spec.sample_rate_hz, spec.hop, spec.frames(8.0), spec.placeholder) == (
        "embedded_16k", 16_000, 640, 200, True,
    )  # fmt: skip


def test_strikes_stay_where_they_are(pairs: list[Pair]) -> None:
    shifts_s = [
        abs(onset_s(pair.made, event_s) - onset_s(pair.real, event_s))
        for pair in pairs
        for event_s in (pair.scene.event_times_s if pair.scene else ())
    ]
    assert np.median(shifts_s) <= 0.0021
    assert np.percentile(shifts_s, 95) <= 0.0041


def test_level_and_spectrum_survive(pairs: list[Pair]) -> None:
    """SPEC A5, A1: loud and quiet stay apart through the codec."""
    found = [quality(pair.real, pair.made) for pair in pairs]
    changes_db = [one.level_change_db for one in found]
    assert abs(np.median(changes_db)) < 0.5 and np.percentile(np.abs(changes_db), 95) < 2
    assert np.median([one.mel_l1 for one in found]) < 0.1


def test_silence_stays_silence_and_quieter_audio_stays_quieter(codec: Codec, pairs: list[Pair]) -> None:
    silence_T = round_trip(codec, np.zeros(32_000, np.float32))
    assert np.abs(silence_T).max() < 1e-3
    real_T = pairs[0].real
    for gain_db in (-20.0, 6.0):
        scaled_T = (real_T * 10 ** (gain_db / 20)).clip(-1, 1).astype(np.float32)
        assert level_db(round_trip(codec, scaled_T)) == pytest.approx(level_db(scaled_T), abs=1.5)


def test_no_channel_is_dead_and_a_wrong_latent_is_not_arbitrarily_loud(codec: Codec, pairs: list[Pair]) -> None:
    mean_BNF, std_BNF = codec.encode(torch.from_numpy(np.stack([pair.real for pair in pairs])))
    spread_F = mean_BNF.flatten(0, 1).std(0)
    assert bool((spread_F > 2 * std_BNF.mean((0, 1))).all())
    wild_BNF = 20 * torch.randn(1, 25, codec.spec.latent_dim, generator=torch.Generator().manual_seed(0))
    assert bool(codec.decode(wild_BNF).isfinite().all())
