"""The precompute stage (SPEC T3): the right features at the right rows, whatever interrupts it."""

import dataclasses
import re

import numpy as np
import pytest

from data_contracts import FeatureRow, ItemError, ManifestRow, Quarantine, read_table
from data_contracts.files import hash_file
from model.features import HEADER, FeatureStore
from model.storage import BF16, FP16
from tasks.engine import run as engine_run
from tasks.engine import run_stage, stage_state
from tasks.precompute import stage as stage_module
from tasks.precompute.encoders import encode_audio, encode_texts, encode_video, read_clip
from tasks.precompute.stage import PrecomputeStage
from tests.tasks.precompute.fakes import CLIP_S, CONFIG, FAKES, make_row, make_workspace, write_manifest

STAGE = PrecomputeStage(CONFIG)


@pytest.fixture(autouse=True)
def fake_encoders(monkeypatch):
    monkeypatch.setattr(stage_module, "load_encoders", lambda config: FAKES)


def manifest(workspace):
    return read_table(workspace.table("manifest", "manifest"), ManifestRow)


def content(workspace):
    """Returns the stage's result as bytes by name: what must not depend on how a run went."""
    folder = workspace.stage("precompute")
    names = ["features.json", *(path.name for path in folder.glob("*.bin")), "features.parquet"]
    return {name: (folder / name).read_bytes() for name in sorted(names)}


def test_t3_each_row_finds_its_own_features(tmp_path):
    workspace = make_workspace(tmp_path)
    run_stage(STAGE, workspace)
    store = FeatureStore.open(workspace.stage("precompute"))
    assert all(hash_file(store.folder / one["file"]) == one["sha256"] for one in store.header["fields"].values())
    assert store.specs == FAKES.specs
    for source, row in zip(manifest(workspace), store.rows, strict=True):
        assert (row.item_id, row.subset, row.split) == (source.item_id, source.subset, source.split)
        clip_T = read_clip(FAKES, workspace.path(source.audio_path), CLIP_S)
        np.testing.assert_array_equal(store.latents([row.latent_row])[0][0], encode_audio(FAKES, clip_T)[0])
        assert row.truth_peak == pytest.approx(np.abs(clip_T).max())
        texts = encode_texts(FAKES, [source.caption, *source.paraphrases])
        np.testing.assert_array_equal(store.text(row.text_rows), np.stack(texts))
        if source.video_path is None:
            assert row.video_row is None
        else:
            clip, sync = encode_video(FAKES, workspace.path(source.video_path), CLIP_S)
            np.testing.assert_array_equal(store.clip([row.video_row])[0], clip)
            np.testing.assert_array_equal(store.sync([row.video_row])[0], sync)


def test_t3_a_distinct_caption_is_stored_once(tmp_path):
    workspace = make_workspace(tmp_path)
    run_stage(STAGE, workspace)
    store = FeatureStore.open(workspace.stage("precompute"))
    assert store.rows[0].text_rows[0] == store.rows[2].text_rows[0]
    assert len(store.arrays["text"]) == 5 + 6  # captions (one shared) and paraphrases


def test_latent_statistics_come_from_vta_training_rows(tmp_path):
    workspace = make_workspace(tmp_path)
    run_stage(STAGE, workspace)
    store = FeatureStore.open(workspace.stage("precompute"))
    chosen = [row.latent_row for row in store.rows if (row.subset, row.split) == ("vta", "train")]
    np.testing.assert_allclose(store.latent_stats()[0], store.latents(chosen)[0].mean(dim=(0, 1)), atol=1e-4)
    assert store.header["latent_stats"]["from"] == "vta training rows"
    assert store.header["latent_stats"]["rows"] == len(chosen) == 2


def test_without_video_the_statistics_say_where_they_are_from(tmp_path):
    workspace = make_workspace(tmp_path, count=4)
    write_manifest(workspace, [dataclasses.replace(row, subset="tta", video_path=None) for row in manifest(workspace)])
    run_stage(STAGE, workspace)
    assert "no vta" in FeatureStore.open(workspace.stage("precompute")).header["latent_stats"]["from"]


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the stage catches it."""


@pytest.mark.parametrize("calls", [1, 2, 5, 9])
def test_a_run_killed_while_encoding_ends_with_the_same_bytes(tmp_path, monkeypatch, calls):
    whole, killed = make_workspace(tmp_path / "whole"), make_workspace(tmp_path / "killed")
    run_stage(STAGE, whole)
    left = [calls]

    def counted(function):
        def run(*arguments):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return function(*arguments)

        return run

    with monkeypatch.context() as patch:
        for name in ("encode_audio", "encode_video", "encode_texts"):
            patch.setattr(stage_module, name, counted(getattr(stage_module, name)))
        with pytest.raises(Killed):
            run_stage(STAGE, killed, shard_size=4)
    run_stage(STAGE, killed, shard_size=2)
    assert content(killed) == content(whole)


@pytest.mark.parametrize("moment", ["finish", "clear", "table"])
def test_a_run_killed_while_packing_ends_with_the_same_bytes(tmp_path, monkeypatch, moment):
    whole, killed = make_workspace(tmp_path / "whole"), make_workspace(tmp_path / "killed")
    run_stage(STAGE, whole)

    def die(*arguments, **options):
        raise Killed

    targets = {
        "finish": (stage_module.FeatureWriter, "finish"),
        "clear": (stage_module.RecordFiles, "clear"),
        "table": (engine_run, "write_table"),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*targets[moment], die)
        with pytest.raises(Killed):
            run_stage(STAGE, killed)
    run_stage(STAGE, killed)
    assert content(killed) == content(whole)


def test_a_finished_stage_needs_no_record_files_and_one_more_item_encodes_only_itself(tmp_path, monkeypatch):
    workspace = make_workspace(tmp_path / "a")
    run_stage(STAGE, workspace)
    assert not (workspace.stage("precompute") / "records").exists()
    assert run_stage(STAGE, workspace).new == 0
    write_manifest(workspace, [*manifest(workspace), make_row(workspace, 6)])
    encoded = []
    original = stage_module.encode_audio
    monkeypatch.setattr(stage_module, "encode_audio", lambda *a: encoded.append(1) or original(*a))
    assert run_stage(STAGE, workspace).new == 1
    assert len(encoded) == 1
    assert content(workspace) == content(_fresh(tmp_path / "b", 7))


def _fresh(root, count):
    workspace = make_workspace(root, count)
    run_stage(STAGE, workspace)
    return workspace


def test_a_record_deleted_by_hand_is_encoded_again(tmp_path, monkeypatch):
    workspace = make_workspace(tmp_path / "a")
    with monkeypatch.context() as patch:
        patch.setattr(stage_module, "_Packer", _Dies)
        with pytest.raises(Killed):
            run_stage(STAGE, workspace)
    for number, path in enumerate(sorted((workspace.stage("precompute") / "records").rglob("*.f16"))):
        if number % 2:
            path.unlink()
        elif number % 3:
            path.write_bytes(b"half")
    run_stage(STAGE, workspace)
    assert content(workspace) == content(_fresh(tmp_path / "b", 6))


class _Dies:
    def __init__(self, **_):
        raise Killed


def test_a_damaged_header_is_healed_with_one_warning(tmp_path, caplog):
    workspace = make_workspace(tmp_path)
    run_stage(STAGE, workspace)
    before = content(workspace)
    workspace.path("precompute", HEADER).write_text("{}")
    run_stage(STAGE, workspace)
    assert content(workspace) == before
    (warning,) = [
        line
        for one in caplog.records
        if "captions" not in (line := one.getMessage()) and one.name == stage_module.__name__
    ]
    assert re.fullmatch(r"precompute: \d+ records were gone or damaged and were encoded again", warning)


def test_broken_audio_is_quarantined_and_the_rest_completes(tmp_path, monkeypatch):
    workspace = make_workspace(tmp_path)
    workspace.path("ingest", "a3.flac").write_bytes(b"")
    summary = run_stage(STAGE, workspace)
    (failure,) = read_table(workspace.table("precompute", "quarantine"), Quarantine)
    assert (failure.item_id, failure.reason) == ("row-3", "empty_file")
    assert (summary.done, summary.quarantined) == (5, 1)
    assert "row-3" not in {row.item_id for row in read_table(workspace.table("precompute", "features"), FeatureRow)}


def test_a_missing_video_is_quarantined(tmp_path):
    workspace = make_workspace(tmp_path)
    workspace.path("ingest", "v2.mp4").unlink()
    assert run_stage(STAGE, workspace).reasons == {"missing_file": 1}


def test_another_codec_means_all_items_again(tmp_path, monkeypatch):
    workspace = make_workspace(tmp_path)
    run_stage(STAGE, workspace)
    codec = dataclasses.replace(FAKES.codec.spec, weights_sha256="8" * 64)

    class Other(type(FAKES.codec)):
        spec = codec

    monkeypatch.setattr(stage_module, "load_encoders", lambda config: dataclasses.replace(FAKES, codec=Other()))
    anew = PrecomputeStage(CONFIG)  # a stage keeps the encoders it loaded
    assert stage_state(anew, workspace).pending == 6


def test_reading_unreadable_audio_names_the_reason(tmp_path):
    with pytest.raises(ItemError) as caught:
        read_clip(FAKES, tmp_path / "gone.wav", CLIP_S)
    assert caught.value.reason == "missing_file"


def test_t3_the_storage_format_is_a_setting_and_no_record_of_another_format_is_used(tmp_path, monkeypatch):
    workspace = make_workspace(tmp_path)
    run_stage(STAGE, workspace)
    half = FeatureStore.open(workspace.stage("precompute"))
    half_text = half.text([0])
    brain = dataclasses.replace(FAKES, storage=BF16)
    monkeypatch.setattr(stage_module, "load_encoders", lambda config: brain)
    run_stage(PrecomputeStage(CONFIG.model_copy(update={"dtype": "bf16"})), workspace)
    store = FeatureStore.open(workspace.stage("precompute"))
    assert (half.storage, store.storage) == (FP16, BF16)
    row, source = store.rows[0], manifest(workspace)[0]
    exact = FAKES.text.encode([source.caption])
    assert np.array_equal(store.text([row.text_rows[0]]), exact.bfloat16().float())  # not fp16's values rounded again
    assert np.array_equal(half_text, exact.half().float())
    encoded = []
    original = stage_module.encode_audio
    monkeypatch.setattr(stage_module, "encode_audio", lambda *a: encoded.append(1) or original(*a))
    other = PrecomputeStage(CONFIG.model_copy(update={"dtype": "bf16", "text_encoder": "renamed"}))
    before = content(workspace)
    run_stage(other, workspace)
    assert encoded == []  # packed bf16 records are used again
    changed = {name for name, data in content(workspace).items() if before.get(name) != data}
    assert changed <= {"features.json"}


def test_captions_past_the_encoders_length_are_counted_once_each(tmp_path, caplog):
    run_stage(STAGE, make_workspace(tmp_path))
    workspace = make_workspace(tmp_path)
    texts = {text for row in manifest(workspace) for text in (row.caption, *row.paraphrases)}
    cut = sum(len(text.split()) > FAKES.text.spec.tokens for text in texts)
    expected = f"of {cut} of {len(texts)} captions fake reads the first 4 tokens only"
    assert (stage_module.cut_captions(FAKES.text, texts) == expected) if cut else True
    assert (expected in caplog.text) == (cut > 0)
    assert stage_module.cut_captions(FAKES.text, {"a b c d e", "a b"}) == (
        "of 1 of 2 captions fake reads the first 4 tokens only"
    )
    assert stage_module.cut_captions(FAKES.text, {"a b c d"}) is None
