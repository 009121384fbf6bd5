"""The features of an empty text, which stand for absent text where absent features are learned. Source: SPEC T2."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from data_contracts import ContractError
from model.features import HEADER, FeatureStore


def empty_text(store: FeatureStore) -> Tensor:
    """Returns the features of "" (L, D) by the text encoder that made the store's features.

    Raises ContractError when the store does not name it, WeightsError when it is not installed, MismatchError when the
    installed one has other weights.
    """
    from model.encoders import load_text_encoder

    name = store.header.get("made_by", {}).get("text_encoder")
    if not name:
        raise ContractError(f"{store.folder / HEADER} does not say which text encoder made it; run precompute again")
    encoder = load_text_encoder(name)
    replace(store.specs, text=encoder.spec).require_same(store.specs, "this installation", "the features")
    return encoder.encode([""])[0]
