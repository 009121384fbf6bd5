"""The codec and the text encoder that made the features, loaded by the names that the features carry."""

from __future__ import annotations

from pathlib import Path

from data_contracts import ContractError
from model.codec import Codec, load_codec
from model.encoders import TextEncoder, load_text_encoder
from model.features import HEADER, FeatureStore
from model.specs import FeatureSpecs
from tasks.precompute.config import PrecomputeConfig


def codec_of(store: FeatureStore) -> Codec:
    """Loads the store's codec. Raises MismatchError when that name now stands for other weights."""
    codec = load_codec(made_by(store).codec)
    mine = FeatureSpecs(codec=codec.spec, text=store.specs.text, clip=store.specs.clip, sync=store.specs.sync)
    mine.require_same(store.specs, "this installation", "the features")
    return codec


def text_encoder_of(store: FeatureStore) -> TextEncoder:
    """Loads the store's text encoder. Raises MismatchError when that name now stands for other weights."""
    encoder = load_text_encoder(made_by(store).text_encoder)
    mine = FeatureSpecs(codec=store.specs.codec, text=encoder.spec, clip=store.specs.clip, sync=store.specs.sync)
    mine.require_same(store.specs, "this installation", "the features")
    return encoder


def open_store(folder: Path) -> FeatureStore:
    """Opens the features with the settings they were made by. Raises ContractError when those are missing."""
    store = FeatureStore.open(folder)
    made_by(store)
    return store


def made_by(store: FeatureStore) -> PrecomputeConfig:
    """Returns the precompute settings that the features carry. Raises ContractError without them."""
    values = store.header.get("made_by")
    if not values:
        raise ContractError(f"{store.folder / HEADER} does not say which parts made it; run precompute again")
    return PrecomputeConfig.model_validate(values)
