"""What generation and scoring both read: the features, the codec and text encoder that made them, the clips' audio."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError

from data_contracts import ContractError, ManifestRow, read_table
from model.codec import Codec, load_codec
from model.encoders import TextEncoder, load_text_encoder
from model.features import HEADER, FeatureStore
from tasks.engine.workspace import Workspace
from tasks.evaluate.plan import Case
from tasks.media.audio import read_audio
from tasks.media.samples import Samples
from tasks.precompute.config import PrecomputeConfig


def open_store(folder: Path) -> FeatureStore:
    """Opens the features. Raises ContractError when they do not carry the settings they were made with."""
    store = FeatureStore.open(folder)
    made_by(store)
    return store


def made_by(store: FeatureStore) -> PrecomputeConfig:
    """Returns the precompute settings that the features carry. Raises ContractError without usable ones."""
    values = store.header.get("made_by")
    if not values:
        raise ContractError(f"{store.folder / HEADER} does not say which encoders made it; run precompute again")
    try:
        return PrecomputeConfig.model_validate(values)
    except ValidationError as error:
        raise ContractError(
            f"{store.folder / HEADER}: made_by has settings of another release; run precompute again"
        ) from error


def codec_of(store: FeatureStore, device: torch.device) -> Codec:
    """Loads the features' codec by name. Raises MismatchError when this installation has other weights of that name."""
    codec = load_codec(made_by(store).codec).to(device)
    replace(store.specs, codec=codec.spec).require_same(store.specs, "this installation", "the features")
    return codec


def text_encoder_of(store: FeatureStore, device: torch.device) -> TextEncoder:
    """Loads the features' text encoder. Raises MismatchError when this installation has other weights of that name."""
    encoder = load_text_encoder(made_by(store).text_encoder, device)
    replace(store.specs, text=encoder.spec).require_same(store.specs, "this installation", "the features")
    return encoder


def featured_rows(workspace: Workspace, store: FeatureStore) -> list[ManifestRow]:
    """Returns the manifest rows that have features, in the manifest's order."""
    featured = {row.item_id for row in store.rows}
    rows = read_table(workspace.table("manifest", ManifestRow.TABLE), ManifestRow)
    return [row for row in rows if row.item_id in featured]


def reference_audio(workspace: Workspace, row: ManifestRow, case: Case, rate_hz: int) -> Samples:
    """Returns exactly `case.reference_s` of a row's audio (T,), padded with silence where the audio ends early."""
    samples_T, _ = read_audio(workspace.path(row.audio_path), rate_hz=rate_hz)
    start, length = round(case.reference_from_s * rate_hz), round(case.reference_s * rate_hz)
    cut_T = samples_T[start : start + length]
    return np.pad(cut_T, (0, length - len(cut_T)))
