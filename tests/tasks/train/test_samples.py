"""Samples during training: which rows, when, and what is written (SPEC G1, G2)."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile as sf
import torch

from data_contracts import MismatchError
from model.codec import load_codec
from model.generate import Sampling
from tasks.engine.workspace import Workspace
from tasks.train.job import run_training
from tasks.train.places import finished_key
from tasks.train.samples import PER_KIND, SampleWriter, request_for, sample_rows
from tests.model.fakes import fake_store, toy_specs
from tests.tasks.train.features import SHORT, write_features
from tests.tasks.train.test_tensorboard import events_of


def test_samples_are_written_beside_the_truth_and_into_tensorboard(tmp_path, toy_preset):
    codec = load_codec("embedded_16k")
    specs = toy_specs(channels=codec.spec.latent_dim)
    specs = type(specs)(codec=codec.spec, text=specs.text, clip=specs.clip, sync=specs.sync)
    fake = fake_store(clip_s=1.0, specs=specs, channels=codec.spec.latent_dim)
    workspace = Workspace(tmp_path / "w")
    write_features(workspace.stage("precompute"), fake, {"codec": "embedded_16k"})
    run_training(SHORT.model_copy(update={"sample_every": 3}), workspace)
    chosen = sample_rows(fake.rows)
    assert sorted({row.video_row is not None for row in chosen}) == [False, True]
    assert {row.split for row in chosen} == {"val"}
    key = finished_key(workspace)[:16]
    folder = workspace.path("train", "samples", key, "step-00000004")
    names = {path.name for path in folder.iterdir()}
    kinds = {row.item_id: "tta" if row.video_row is None else "vta" for row in chosen}
    assert names == {f"{item}-{end}.wav" for item, kind in kinds.items() for end in (kind, "truth")}
    truth, rate_hz = sf.read(folder / f"{chosen[0].item_id}-truth.wav")
    latent_1NF = fake.mean_RNF[chosen[0].latent_row].half().float()[None]
    assert rate_hz == codec.spec.sample_rate_hz
    assert np.abs(truth - codec.decode(latent_1NF)[0].numpy()).max() < 1e-3
    events = events_of(workspace.path("train", "tensorboard", key))
    assert len(events.Tags()["audio"]) == len(names)


@pytest.mark.parametrize(("videos", "sounds"), [(12, 12), (12, 0), (0, 12)])
def test_rows_are_the_first_of_each_kind_in_the_validation_split(videos: int, sounds: int) -> None:
    rows = fake_store(videos=videos, sounds=sounds, val=12).rows
    validation = [row for row in rows if row.split == "val"]
    with_video = [row for row in validation if row.video_row is not None][:PER_KIND]
    without = [row for row in validation if row.video_row is None][:PER_KIND]
    assert sample_rows(rows) == with_video + without
    assert sample_rows([row for row in rows if row.split == "train"]) == []


def test_a_row_with_video_is_asked_for_with_it_and_one_without_by_its_caption() -> None:
    store = fake_store()
    for row in (store.rows[0], store.rows[-1]):
        request = request_for(row, store, seed=4)
        assert torch.equal(request.text_LD, store.text([row.text_rows[0]])[0])
        assert (request.duration_s, request.seed) == (store.clip_s, 4)
        if row.video_row is None:
            assert (request.task, request.clip_VD, request.sync_SD) == ("tta", None, None)
        else:
            assert request.task == "vta"
            assert torch.equal(request.sync_SD, store.sync([row.video_row])[0])


@pytest.mark.parametrize(
    ("every", "logged", "written"),
    [
        (3, [2, 4, 6, 8, 10], [4, 6, 10]), (5, [2, 4, 6, 8, 10], [6, 10]), (100, [5, 10], [10]),
        (1, [2, 4, 10], [2, 4, 10]),
    ],
)  # fmt: skip
def test_samples_are_due_at_the_first_row_of_each_interval_and_at_the_last(every, logged, written) -> None:
    done: list[int] = []

    class Recorder(SampleWriter):
        def write(self, step: int) -> None:
            done.append(step)

    trainer = SimpleNamespace(last_step=10, step=0)
    writer = Recorder(None, None, Path("unused"), trainer, ["a row"], every, (), 0, Sampling())
    for step in logged:
        writer.add_row(SimpleNamespace(step=step))
    assert done == written


def test_a_codec_that_is_not_the_features_own_is_refused(tmp_path: Path) -> None:
    fake = fake_store(clip_s=1.0)
    write_features(tmp_path, fake, {"codec": "embedded_16k"})  # the features are the toy codec's
    from model.features import FeatureStore

    with pytest.raises(MismatchError, match="codec"):
        SampleWriter.open(
            FeatureStore.open(tmp_path),
            tmp_path,
            SimpleNamespace(step=0, device="cpu"),
            every=1,
            sampling=Sampling(),
        )
