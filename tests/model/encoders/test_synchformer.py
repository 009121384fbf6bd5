"""Synchformer's visual encoder (SPEC M8): its key layout, windows, and attention against loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from data_contracts import ContractError, WeightsError
from model.encoders import load_sync_encoder
from model.encoders.synchformer import SynchformerSizes, VideoTransformer, visual_part
from model.paper_specs import SYNCHFORMER
from tests.model.codec.layouts import count, network_shapes, random_tensors
from tests.model.encoders.synchformer import DEPTH, PATCH, PREFIX, SIDE, WIDTH, slow_window, visual


def tiny() -> dict[str, torch.Tensor]:
    return random_tensors(visual(WIDTH, DEPTH, SIDE * SIDE, PATCH))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole Synchformer's file: the other four components are in it and are ignored."""
    file = tmp_path_factory.mktemp("sync") / "synchformer_state_dict.pth"
    others = {f"{name}.weight": torch.zeros(2) for name in ("afeat_extractor.ast", "transformer.pos", "vproj", "aproj")}
    torch.save({**{PREFIX + name: value for name, value in tiny().items()}, **others}, file)
    return file


def frames(number: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (number, SIDE * PATCH, SIDE * PATCH, 3), np.uint8)


def test_full_size_has_the_published_names_238_of_them() -> None:
    shapes = visual(768, 12, 196, 16)
    assert network_shapes(lambda: VideoTransformer(SynchformerSizes())) == shapes
    assert count(shapes)[0] == 238


def test_each_window_is_what_loops_over_its_tokens_give(path: Path) -> None:
    encoder, video = load_sync_encoder(f"synchformer:{path}"), frames(24)
    features = encoder.encode(video)
    assert features.shape == (16, WIDTH) and features.dtype == torch.float32
    for window in range(2):
        expected = slow_window(tiny(), video[8 * window : 8 * window + 16])
        torch.testing.assert_close(features[8 * window : 8 * window + 8], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("number", "windows"), [(16, 1), (23, 1), (24, 2), (200, 24)])
def test_windows_of_16_start_every_8_frames(path: Path, number: int, windows: int) -> None:
    encoder = load_sync_encoder(f"synchformer:{path}")
    assert encoder.encode(frames(number)).shape == (8 * windows, WIDTH)
    assert encoder.spec.length(number / 25) == 8 * windows


def test_the_spec_is_the_published_one_but_for_width_and_hash(path: Path) -> None:
    spec = load_sync_encoder(f"synchformer:{path}").spec
    assert (spec.name, spec.fps, spec.segment, spec.step, spec.per_segment) == ("synchformer", 25.0, 16, 8, 8)
    assert (SYNCHFORMER.length(8.0), SYNCHFORMER.dim) == (192, 768)
    assert spec.placeholder and len(spec.weights_sha256) == 64  # not the published file


def test_the_visual_part_alone_will_do_with_or_without_its_prefix(path: Path, tmp_path: Path) -> None:
    whole = load_sync_encoder(f"synchformer:{path}").encode(frames(16))
    for number, prefix in enumerate(("", PREFIX)):
        torch.save({prefix + name: value for name, value in tiny().items()}, tmp_path / f"{number}.pth")
        assert torch.equal(load_sync_encoder(f"synchformer:{tmp_path / f'{number}.pth'}").encode(frames(16)), whole)


def test_other_components_missing_tensors_and_short_videos_are_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"unexpected tensor head\.weight"):
        visual_part({PREFIX + "norm.bias": torch.zeros(1), "head.weight": torch.zeros(1)}, path)
    tensors = tiny()
    tensors.pop("patch_embed.proj.bias")  # unused, and still missed: the load is strict
    torch.save(tensors, tmp_path / "short.pth")
    with pytest.raises(WeightsError, match=r"do not fit.*patch_embed\.proj\.bias"):
        load_sync_encoder(f"synchformer:{tmp_path / 'short.pth'}")
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="is not a Synchformer"):
        load_sync_encoder(f"synchformer:{tmp_path / 'other.pth'}")
    encoder = load_sync_encoder(f"synchformer:{path}")
    with pytest.raises(ContractError, match="at least 16"):
        encoder.encode(frames(15))
    with pytest.raises(ContractError, match="16, 16, 3"):
        encoder.encode(np.zeros((16, 8, 8, 3), np.uint8))
