"""The feature store (SPEC T3): what goes in comes out, and what does not fit is refused."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from data_contracts import ContractError, FeatureRow, MismatchError, write_table
from data_contracts.files import hash_file
from model.feature_writer import FeatureWriter
from model.features import HEADER, FeatureStore, field_shapes
from model.specs import ClipSpec, CodecSpec, FeatureSpecs, SyncSpec, TextSpec
from model.storage import BF16, FP16, STORAGES, storage_of

CLIP_S = 2.0
SPECS = FeatureSpecs(
    codec=CodecSpec(
        name="c",
        sample_rate_hz=16000,
        channels=1,
        hop=640,
        latent_dim=6,
        std_form="softplus",
        weights_sha256="1" * 64,
        placeholder=True,
    ),
    text=TextSpec(name="t", tokens=5, dim=4, weights_sha256="2" * 64, placeholder=True),
    clip=ClipSpec(name="v", rate_hz=2.0, dim=7, weights_sha256="3" * 64, placeholder=True),
    sync=SyncSpec(name="s", dim=3, weights_sha256="4" * 64, placeholder=True),
)
SHAPES = field_shapes(SPECS, CLIP_S)


def record(name, seed):
    return np.random.default_rng(seed).normal(0.5, 2.0, SHAPES[name]).astype(np.float32)


def feature_row(number, **changes):
    values = {
        "item_id": f"item-{number}",
        "subset": "vta",
        "split": "train",
        "latent_row": number,
        "video_row": number,
        "text_rows": (number,),
        "duration_s": CLIP_S,
        "truth_peak": 0.5,
    }
    return FeatureRow(**{**values, **changes})


def write(folder, count=4, in_stats=lambda number: True, storage=FP16):
    writer = FeatureWriter(folder, SPECS, CLIP_S, storage)
    for number in range(count):
        latent = writer.add_latent(
            record("latent_mean", number), np.abs(record("latent_std", number)), in_stats=in_stats(number)
        )
        video = writer.add_video(record("clip", number), record("sync", number))
        assert (latent, video, writer.add_text(record("text", number))) == (number, number, number)
    writer.finish(stats_from="test", keys={})
    write_table(folder / "features.parquet", FeatureRow, [feature_row(number) for number in range(count)])
    return FeatureStore.open(folder)


def hashes_agree(store: FeatureStore) -> bool:
    """Tells whether every file has the hash that the header names."""
    fields = store.header["fields"].values()
    return all(hash_file(store.folder / field["file"]) == field["sha256"] for field in fields)


def test_t3_every_field_comes_back_within_fp16_in_the_order_asked_for(tmp_path):
    store = write(tmp_path)
    asked = [3, 0, 3, 2]
    mean, std = store.latents(asked)
    batches = {"latent_mean": mean, "clip": store.clip(asked), "sync": store.sync(asked), "text": store.text(asked)}
    for name, batch in batches.items():
        expected = torch.from_numpy(np.stack([record(name, number) for number in asked]))
        assert batch.dtype == torch.float32
        torch.testing.assert_close(batch, expected, rtol=1e-3, atol=1e-3)
    assert (std >= 0).all()
    assert [row.item_id for row in store.rows] == [f"item-{number}" for number in range(4)]
    assert (store.specs, store.clip_s) == (SPECS, CLIP_S)
    assert hashes_agree(store)


@pytest.mark.parametrize("storage", STORAGES.values(), ids=list(STORAGES))
def test_batches_in_16_bits_have_the_values_of_those_in_float32(tmp_path, storage):
    store = write(tmp_path, storage=storage)
    narrow, asked = store.in_16_bits(), [3, 0, 3]
    for read in ("clip", "sync", "text"):
        batch = getattr(narrow, read)(asked)
        assert batch.element_size() == 2
        assert torch.equal(batch.float(), getattr(store, read)(asked))
    for one, other in zip(narrow.latents(asked), store.latents(asked), strict=True):
        assert one.element_size() == 2 and torch.equal(one.float(), other)
    assert narrow.rows == store.rows and narrow.latent_stats()[0].equal(store.latent_stats()[0])


def test_a_batch_is_a_copy_that_may_be_changed(tmp_path):
    store = write(tmp_path).in_16_bits()
    store.clip([1]).zero_()
    assert bool(store.clip([1]).any())


def test_latent_statistics_are_those_of_the_marked_rows(tmp_path):
    store = write(tmp_path, in_stats=lambda number: number < 3)
    frames = np.concatenate([record("latent_mean", number) for number in range(3)])
    mean_F, std_F = store.latent_stats()
    np.testing.assert_allclose(mean_F, frames.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(std_F, frames.std(axis=0), rtol=1e-5)


def test_equal_records_give_equal_bytes(tmp_path):
    write(tmp_path / "a")
    write(tmp_path / "b")
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "b").iterdir())
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_new_store_replaces_the_old_files_and_a_killed_writer_leaves_them(tmp_path):
    write(tmp_path, count=4)
    before = sorted(path.name for path in tmp_path.glob("*.bin"))
    killed = FeatureWriter(tmp_path, SPECS, CLIP_S)
    killed.add_text(record("text", 9))
    del killed
    assert hashes_agree(FeatureStore.open(tmp_path))
    write(tmp_path, count=2)
    after = sorted(path.name for path in tmp_path.glob("*.bin"))
    assert len(after) == len(before) == 5
    assert set(after).isdisjoint(before)


def test_records_of_a_wrong_shape_or_beyond_fp16_are_refused(tmp_path):
    writer = FeatureWriter(tmp_path, SPECS, CLIP_S)
    with pytest.raises(ContractError, match=r"text: got a record \(4, 4\); expected \(5, 4\)"):
        writer.add_text(np.zeros((4, 4)))
    with pytest.raises(ContractError, match="not finite in fp16"):
        writer.add_text(np.full((5, 4), 1e6))
    with pytest.raises(ContractError, match="add training clips"):
        writer.finish(stats_from="nothing", keys={})


def test_a_file_of_the_wrong_size_is_refused(tmp_path):
    store = write(tmp_path)
    path = tmp_path / store.header["fields"]["clip"]["file"]
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(ContractError, match=r"field clip has \d+ bytes, expected \d+; remove .* and run pre"):
        FeatureStore.open(tmp_path)


def test_a_header_of_another_format_or_with_other_shapes_is_refused(tmp_path):
    write(tmp_path)
    header = json.loads((tmp_path / HEADER).read_text())
    (tmp_path / HEADER).write_text(json.dumps({**header, "clip_s": 8.0}))
    with pytest.raises(ContractError, match="specs ask for records"):
        FeatureStore.open(tmp_path)
    (tmp_path / HEADER).write_text(json.dumps({**header, "version": 99}))
    with pytest.raises(ContractError, match="99"):
        FeatureStore.open(tmp_path)
    codec = {**header["specs"]["codec"], "stand_in": True}  # the key of an earlier release
    for changed in ({"specs": {**header["specs"], "codec": codec}}, {"fields": []}, {"clip_s": "8"}, {"specs": None}):
        (tmp_path / HEADER).write_text(json.dumps({**header, **changed}))
        with pytest.raises(ContractError, match=r"is damaged or of another release .* precompute again"):
            FeatureStore.open(tmp_path)
    (tmp_path / HEADER).unlink()
    with pytest.raises(ContractError, match="run the precompute stage"):
        FeatureStore.open(tmp_path)


def test_a_table_that_points_past_the_records_is_refused(tmp_path):
    write(tmp_path)
    write_table(tmp_path / "features.parquet", FeatureRow, [feature_row(0, video_row=7)])
    with pytest.raises(ContractError, match="row item-0: records"):
        FeatureStore.open(tmp_path)


def test_a_record_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ContractError, match="record 4 asked for; the file has 4"):
        write(tmp_path).text([0, 4])


def test_features_of_another_encoder_are_refused(tmp_path):
    store = write(tmp_path)
    other = dataclasses.replace(SPECS, sync=dataclasses.replace(SPECS.sync, weights_sha256="9" * 64))
    with pytest.raises(MismatchError, match="sync: the features uses s"):
        store.specs.require_same(other, "the features", "the checkpoint")


@pytest.mark.parametrize(("storage", "relative"), [(FP16, 2**-11), (BF16, 2**-8)])
def test_t3_a_storage_format_gives_back_what_it_rounds_to(storage, relative):
    values = np.random.default_rng(0).normal(0, 30, 2000).astype(np.float32)
    once = storage.rounded(values)
    assert once.dtype == np.float32
    np.testing.assert_allclose(once, values, rtol=relative, atol=1e-6)
    np.testing.assert_array_equal(storage.rounded(once), once)
    assert storage.pack(values).itemsize == 2


def test_t3_bf16_is_a_setting_for_values_beyond_fp16(tmp_path):
    large = np.full(SHAPES["text"], 3e5, np.float32)
    with pytest.raises(ContractError, match="not finite in fp16"):
        FP16.pack(large)
    writer = FeatureWriter(tmp_path, SPECS, CLIP_S, BF16)
    writer.add_latent(record("latent_mean", 0), np.abs(record("latent_std", 0)), in_stats=True)
    writer.add_text(large)
    writer.finish(stats_from="test", keys={})
    store = FeatureStore.open_records(tmp_path)
    assert store.storage == BF16
    torch.testing.assert_close(store.text([0])[0], torch.full(SHAPES["text"], 3e5), rtol=2**-8, atol=0)
    expected = torch.from_numpy(record("latent_mean", 0)).bfloat16().float()
    assert torch.equal(store.latents([0])[0][0], expected)
    with pytest.raises(ContractError, match="format 'fp8'"):
        storage_of("fp8")
