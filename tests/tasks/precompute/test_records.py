"""Records before they are packed: keys by content and encoder, round trips, damaged files, earlier stores (SPEC T3)."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from data_contracts import ContractError
from model.feature_writer import FeatureWriter
from model.features import HEADER, field_shapes
from model.storage import BF16, FP16, Storage
from tasks.precompute.records import FIELDS, RecordFiles, RecordKeys, record_key
from tests.tasks.precompute.fakes import CLIP_S, FAKES

SPECS = FAKES.specs
SHAPES = field_shapes(SPECS, CLIP_S)
EACH_FORMAT = pytest.mark.parametrize("storage", [FP16, BF16], ids=["fp16", "bf16"])


def arrays(kind: str, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(SHAPES[name]).astype(np.float32) for name in FIELDS[kind]]


def opened(folder: Path, storage: Storage = FP16) -> RecordFiles:
    return RecordFiles.open(folder, SPECS, CLIP_S, storage)


def test_a_key_depends_on_content_length_encoder_and_format() -> None:
    keys = {
        record_key("a" * 64, 8.0, SPECS.codec),
        record_key("b" * 64, 8.0, SPECS.codec),
        record_key("a" * 64, 7.0, SPECS.codec),
        record_key("a" * 64, 8.0, dataclasses.replace(SPECS.codec, weights_sha256="9" * 64)),
        record_key("a" * 64, 8.0, SPECS.codec, storage=BF16),
        record_key("a" * 64, 8.0, SPECS.clip, SPECS.sync),
    }
    assert len(keys) == 6
    assert record_key("a" * 64, 8.0, SPECS.codec) in keys


def test_each_kind_of_record_depends_on_its_own_encoders_alone() -> None:
    other = dataclasses.replace(SPECS, sync=dataclasses.replace(SPECS.sync, weights_sha256="9" * 64))
    one, two = RecordKeys(SPECS, CLIP_S), RecordKeys(other, CLIP_S)
    assert one.latent("h") == two.latent("h")
    assert one.text("rain") == two.text("rain")
    assert one.video("h") != two.video("h")
    assert RecordKeys(SPECS, 3.0).text("rain") == one.text("rain")  # a text has no length
    assert RecordKeys(SPECS, 3.0).latent("h") != one.latent("h")


@EACH_FORMAT
@pytest.mark.parametrize("kind", FIELDS)
def test_a_record_comes_back_as_its_format_stores_it(tmp_path: Path, kind: str, storage: Storage) -> None:
    records = opened(tmp_path, storage)
    made = arrays(kind)
    assert not records.has(kind, "key") and records.read(kind, "key") is None
    records.write(kind, "key", made)
    assert records.has(kind, "key")
    found = records.read(kind, "key")
    assert found is not None
    for mine, theirs in zip(made, found, strict=True):
        assert theirs.dtype == np.float32
        assert np.array_equal(theirs, storage.rounded(mine))


def test_formats_and_kinds_have_files_of_their_own(tmp_path: Path) -> None:
    half, brain = opened(tmp_path), opened(tmp_path, BF16)
    half.write("texts", "key", arrays("texts"))
    assert not brain.has("texts", "key")
    assert not half.has("latents", "key")


def test_equal_records_are_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        opened(tmp_path / name).write("videos", "key", arrays("videos"))
    one, two = ((tmp_path / name).rglob("*.f16") for name in ("a", "b"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


@pytest.mark.parametrize("damage", [b"", b"half", b"\0" * 10_000])
def test_a_file_of_another_size_has_to_be_made_again(tmp_path: Path, damage: bytes) -> None:
    records = opened(tmp_path)
    records.write("texts", "key", arrays("texts"))
    (path,) = tmp_path.rglob("*.f16")
    path.write_bytes(damage)
    assert records.read("texts", "key") is None


def test_a_wrong_shape_is_refused_with_both_shapes_and_nothing_is_written(tmp_path: Path) -> None:
    records = opened(tmp_path)
    with pytest.raises(ContractError, match=r"record texts key: text is \(4, 4\); expected \(4, 3\)"):
        records.write("texts", "key", [np.zeros((4, 4), np.float32)])
    assert not records.has("texts", "key")


def packed(folder: Path, keys: dict[str, list[str]]) -> None:
    """Writes a store with one record of each kind per key."""
    writer = FeatureWriter(folder, SPECS, CLIP_S)
    for number, _ in enumerate(keys["latents"]):
        writer.add_latent(*arrays("latents", number), in_stats=True)
    for number, _ in enumerate(keys["videos"]):
        writer.add_video(*arrays("videos", number))
    for number, _ in enumerate(keys["texts"]):
        writer.add_text(*arrays("texts", number))
    writer.finish(stats_from="all rows", keys=keys)


def test_the_records_of_a_packed_store_are_found_by_their_keys(tmp_path: Path) -> None:
    packed(tmp_path, {"latents": ["a", "b"], "videos": ["v"], "texts": ["t"]})
    records = opened(tmp_path)
    assert records.has("latents", "b") and not records.has("latents", "v")
    found = records.read("latents", "b")
    assert found is not None
    assert np.array_equal(found[0], FP16.rounded(arrays("latents", 1)[0]))
    records.clear()
    assert records.has("videos", "v")  # clearing removes only the record files


@pytest.mark.parametrize("damage", ["features.json", "latent_mean-*.bin"])
def test_a_packed_store_that_cannot_be_read_is_ignored(tmp_path: Path, damage: str) -> None:
    packed(tmp_path, {"latents": ["a"], "videos": [], "texts": []})
    next(tmp_path.glob(damage)).write_bytes(b"damaged")
    assert not opened(tmp_path).has("latents", "a")


@pytest.mark.parametrize("changed", [{"keys": None}, {"keys": {"latents": 1}}, {"specs": {"codec": {"stand_in": 1}}}])
def test_a_packed_store_whose_header_is_of_another_release_is_ignored(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    packed(tmp_path, {"latents": ["a"], "videos": [], "texts": []})
    header = tmp_path / HEADER
    header.write_text(json.dumps(json.loads(header.read_text()) | changed))
    assert not opened(tmp_path).has("latents", "a")


def test_clearing_removes_every_record_file(tmp_path: Path) -> None:
    records = opened(tmp_path)
    for kind in FIELDS:
        records.write(kind, "key", arrays(kind))
    records.clear()
    assert not any(records.has(kind, "key") for kind in FIELDS)
    records.clear()  # again, without a folder
