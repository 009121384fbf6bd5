"""What generation and scoring read: features that name their encoders, rows with features, reference audio."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from data_contracts import ContractError, ManifestRow, MismatchError, write_table
from model.features import HEADER
from tasks.engine.workspace import Workspace
from tasks.evaluate import components
from tasks.evaluate.components import codec_of, featured_rows, made_by, open_store, reference_audio, text_encoder_of
from tasks.evaluate.plan import Case
from tasks.media.audio import read_audio
from tasks.precompute.config import PrecomputeConfig
from tests.tasks.evaluate.oracle import ENCODERS, copy_of, manifest
from tests.tasks.evaluate.sounds import RATE_HZ
from tests.tasks.rows import manifest_row

CPU = torch.device("cpu")


def case(**changes: object) -> Case:
    values = {
        "item_id": "ac-vta-f0", "group": "ac-vta", "parent_id": "f0", "prompt": "", "duration_s": 6.0,
        "scored_from_s": 0.0, "seed": 1, "reference_id": "f1", "reference_from_s": 1.0, "reference_s": 2.0,
    }  # fmt: skip
    return Case.from_dict(values | changes)


def test_features_name_the_settings_that_made_them(prepared: Workspace, tmp_path: Path) -> None:
    store = open_store(prepared.stage("precompute"))
    assert made_by(store) == PrecomputeConfig()
    copy = copy_of(prepared, tmp_path)
    header = copy.path("precompute", HEADER)
    values = json.loads(header.read_text())
    del values["made_by"]
    header.write_text(json.dumps(values))
    with pytest.raises(ContractError, match=f"{HEADER} does not say which encoders made it; run precompute again"):
        open_store(copy.stage("precompute"))
    header.write_text(json.dumps({**values, "made_by": {"gone": 1}}))
    with pytest.raises(ContractError, match="made_by has settings of another release; run precompute again"):
        open_store(copy.stage("precompute"))


def test_a_codec_or_encoder_of_other_weights_is_refused(prepared: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(prepared.stage("precompute"))
    monkeypatch.setattr(components, "load_codec", lambda name: ENCODERS.codec)
    monkeypatch.setattr(components, "load_text_encoder", lambda name, device: ENCODERS.text)
    assert codec_of(store, CPU) is ENCODERS.codec and text_encoder_of(store, CPU) is ENCODERS.text
    for name, part, load in (("load_codec", "codec", codec_of), ("load_text_encoder", "text", text_encoder_of)):
        original = getattr(ENCODERS, part)

        class Other:
            spec = dataclasses.replace(original.spec, weights_sha256="9" * 64)

            def to(self, device):
                return self

        monkeypatch.setattr(components, name, lambda *_, other=Other: other())
        with pytest.raises(MismatchError, match=rf"{part}: this installation uses .*the features uses"):
            load(store, CPU)


def test_only_rows_with_features_are_used_in_the_manifests_order(prepared: Workspace, tmp_path: Path) -> None:
    copy = copy_of(prepared, tmp_path)
    rows = [*manifest(copy)[::-1], manifest_row("without-features")]
    write_table(copy.table("manifest", "manifest"), ManifestRow, rows)
    found = featured_rows(copy, open_store(copy.stage("precompute")))
    assert [row.item_id for row in found] == [row.item_id for row in rows[:-1]]


@pytest.mark.parametrize(("from_s", "length_s"), [(0.0, 2.0), (1.25, 0.5), (7.5, 2.0), (9.0, 1.0)])
def test_reference_audio_is_the_slice_padded_with_silence(prepared: Workspace, from_s: float, length_s: float) -> None:
    row = manifest(prepared)[1]
    whole, _ = read_audio(prepared.path(row.audio_path))
    cut = reference_audio(prepared, row, case(reference_from_s=from_s, reference_s=length_s), RATE_HZ)
    expected = np.zeros(round(length_s * RATE_HZ), np.float32)
    part = whole[round(from_s * RATE_HZ) :][: len(expected)]
    expected[: len(part)] = part
    np.testing.assert_array_equal(cut, expected)


def test_reference_audio_is_resampled_to_the_asked_rate(prepared: Workspace) -> None:
    row = manifest(prepared)[1]
    assert len(reference_audio(prepared, row, case(), 24_000)) == 48_000
