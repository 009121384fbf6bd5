"""When two specs name one component: by every field, and by the weights' hash where both have one."""

from __future__ import annotations

import dataclasses

import pytest

from data_contracts import MismatchError
from model.paper_specs import CODECS, paper_specs
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
