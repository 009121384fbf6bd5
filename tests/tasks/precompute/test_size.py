"""Feature sizes in a plan are those of the files (SPEC T3)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_contracts import UsageError
from model.features import FeatureStore
from model.paper_specs import paper_specs
from tasks.precompute.config import PrecomputeConfig
from tasks.precompute.rates import measured_rates
from tasks.precompute.size import Counts, FeatureSize, Rate, paper_counts, planned_specs, size_lines, vggsound_counts
from tests.model.fakes import fake_store, toy_specs
from tests.tasks.train.features import write_features


@pytest.mark.parametrize(("sounds", "videos"), [(3, 5), (10, 2)])
def test_t3_planned_bytes_are_the_bytes_on_disk(tmp_path, sounds, videos):
    fake = fake_store(videos=videos, sounds=sounds, clip_s=1.5)
    write_features(tmp_path, fake)
    found = sum(path.stat().st_size for path in tmp_path.glob("*.bin"))
    counts = Counts(audio=videos + sounds, videos=videos, texts=2 * (videos + sounds))
    assert FeatureSize.of(fake.specs, 1.5, "fp16").total(counts) == found
    assert FeatureStore.open(tmp_path).specs == toy_specs()


def test_t3_the_papers_record_is_half_of_mmaudios():
    """MMAudio stores 1,277,760 bytes of fp32 per video clip and 425,792 per sound (at 44.1 kHz)."""
    size = FeatureSize.of(paper_specs("mmaudio-44k"), 8.0, "bf16")
    assert size.total(Counts(audio=1, videos=1, texts=1)) == 1_277_760 // 2
    assert size.total(Counts(audio=1, videos=0, texts=1)) == 425_792 // 2


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6))
def test_sizes_add_up(sounds, videos, texts):
    size = FeatureSize.of(paper_specs(), 8.0, "fp16")
    alone = (
        Counts(audio=sounds, videos=0, texts=0),
        Counts(audio=0, videos=videos, texts=0),
        Counts(audio=0, videos=0, texts=texts),
    )
    assert size.total(Counts(audio=sounds, videos=videos, texts=texts)) == sum(map(size.total, alone))


def test_the_papers_data_is_its_hours():
    counts = paper_counts(8.0, paraphrases=2)
    assert counts.videos == vggsound_counts(8.0).videos == 225_000
    assert counts.audio == 225_000 + 7_728 * 450 + 88_370
    assert counts.texts == 309 + 7_728 * 450 + 3 * 88_370


def test_published_components_need_no_weights_and_unknown_ones_are_said_to_be_unknown():
    config = PrecomputeConfig(
        codec="moss_dacvae",
        text_encoder="clip-dfn5b:/some/where",
        image_encoder="clip-dfn5b",
        sync_encoder="synchformer",
    )
    assert planned_specs(config) == paper_specs("moss-dacvae")
    counts = Counts(audio=2, videos=1, texts=2)
    lines = size_lines(config, counts, paraphrases=0)
    assert "encoding     latents, clip, sync, text unknown (no measured rate)" in lines
    (line,) = size_lines(config.model_copy(update={"codec": "nobody/knows.safetensors"}), counts, paraphrases=0)
    assert line.startswith("features     size unknown: ")
    with pytest.raises(UsageError, match="unknown"):
        planned_specs(config.model_copy(update={"sync_encoder": "none"}))


def test_hours_are_work_over_rate():
    rates = {"latents": Rate(per_s=0.5, device="X"), "clip": Rate(per_s=2.0, device="X")}
    counts = Counts(audio=3600, videos=7200, texts=1)
    config = PrecomputeConfig(
        codec="mmaudio-44k", text_encoder="clip-dfn5b", image_encoder="clip-dfn5b", sync_encoder="synchformer"
    )
    line = size_lines(config, counts, paraphrases=0, rates=rates)[-1]
    assert line == "encoding     on one X: latents 2 h, clip 1 h; sync, text unknown (no measured rate)"


def test_only_embedded_components_are_timed():
    config = PrecomputeConfig(codec="mmaudio-44k", text_encoder="clip-dfn5b", image_encoder="clip-dfn5b", clip_s=1.0)
    rates = measured_rates(config)
    assert set(rates) == {"sync"}
    assert rates["sync"].per_s > 0.1
