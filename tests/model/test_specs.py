"""When two specs name one component: by every field, and by the weights' hash where both have one."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_contracts import MismatchError
from model.paper_specs import CODECS, SYNCHFORMER, paper_specs
from model.specs import same_component

KNOWN = dataclasses.replace(CODECS["mmaudio-44k"], weights_sha256="a" * 64)


def test_an_unknown_hash_matches_any_and_two_known_ones_must_agree():
    assert same_component(KNOWN, CODECS["mmaudio-44k"])
    assert same_component(CODECS["mmaudio-44k"], KNOWN)
    assert same_component(KNOWN, KNOWN)
    assert not same_component(KNOWN, dataclasses.replace(KNOWN, weights_sha256="b" * 64))


@pytest.mark.parametrize("change", [{"name": "other"}, {"latent_dim": 41}, {"hop": 512}, {"placeholder": True}])
def test_an_unknown_hash_excuses_nothing_else(change):
    assert not same_component(KNOWN, dataclasses.replace(CODECS["mmaudio-44k"], **change))


def test_a_converted_checkpoint_accepts_features_of_the_components_it_names():
    header = paper_specs()
    loaded = dataclasses.replace(header, codec=KNOWN, sync=dataclasses.replace(header.sync, weights_sha256="c" * 64))
    header.require_same(loaded, "the checkpoint", "the features")
    other = dataclasses.replace(loaded, sync=dataclasses.replace(loaded.sync, weights_sha256="d" * 64))
    with pytest.raises(MismatchError, match="sync: the features uses synchformer"):
        loaded.require_same(other, "the features", "the other features")


@given(st.floats(0.64, 60.0))
def test_m8_covering_segments_reach_the_end_and_no_segment_is_too_many(seconds: float) -> None:
    frames, positions = SYNCHFORMER.covering_frames(seconds), SYNCHFORMER.covering_length(seconds)
    assert positions == SYNCHFORMER.length(frames / SYNCHFORMER.fps) and (frames - 16) % 8 == 0
    assert SYNCHFORMER.covered_s(positions) == frames / SYNCHFORMER.fps
    assert seconds - 0.02 - 1e-5 <= frames / SYNCHFORMER.fps < seconds + 0.32
    assert positions - SYNCHFORMER.length(seconds) in (0, 8)


@pytest.mark.parametrize("seconds", [0.0, 0.3, 0.61])
def test_m8_less_than_one_segment_has_no_features(seconds: float) -> None:
    assert SYNCHFORMER.covering_frames(seconds) == SYNCHFORMER.covering_length(seconds) == 0


def test_m8_synchformers_segments_fit_multiples_of_its_step_alone() -> None:
    fitting = [hundredths for hundredths in range(64, 801) if SYNCHFORMER.fits(hundredths / 100)]
    assert all(min(hundredths % 32, -hundredths % 32) <= 2 for hundredths in fitting)
    assert set(range(64, 801, 32)) <= set(fitting)


@given(st.floats(0.04, 60.0))
def test_m8_a_feature_per_frame_fits_every_length(seconds: float) -> None:
    per_frame = dataclasses.replace(SYNCHFORMER, segment=1, step=1, per_segment=1)
    assert per_frame.fits(seconds)
    assert per_frame.covering_length(seconds) == per_frame.covering_frames(seconds)
    assert per_frame.covering_length(seconds) - per_frame.length(seconds) in (0, 1)
