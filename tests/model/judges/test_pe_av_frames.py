"""PE-AV's frame encoder: its attention with rotations against loops."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from data_contracts import WeightsError
from model.judges.pe_av_frames import FrameEncoder, FrameSizes, frame_sizes, rotated, rotation_angles
from model.weights.files import TensorFile, build
from tests.model.judges.pe_av import DEPTH, EMBED, PATCH, SIDE, WIDTH, frame_tensors, slow_frame, turned

SMALL = FrameSizes(width=WIDTH, depth=DEPTH, image=SIDE * PATCH, patch=PATCH, embed=EMBED)


def test_a_frames_vector_is_what_loops_give() -> None:
    tensors = frame_tensors()
    encoder = build(lambda: FrameEncoder(SMALL), tensors, Path("w"))
    pixels = torch.randn(2, 3, SIDE * PATCH, SIDE * PATCH, generator=torch.Generator().manual_seed(1))
    found = encoder(pixels)
    assert found.shape == (2, EMBED)
    for one, frame in zip(found, pixels, strict=True):
        torch.testing.assert_close(one, slow_frame(tensors, frame), rtol=1e-3, atol=1e-4)


def test_each_pair_is_turned_by_its_own_place() -> None:
    angles = rotation_angles(3, torch.device("cpu"))
    assert angles.shape == (9, 64)
    vectors = torch.randn(9, 64, generator=torch.Generator().manual_seed(2))
    found = rotated(vectors[None, None], angles)[0, 0]
    for place in range(9):
        torch.testing.assert_close(found[place], turned(vectors[place], column=place % 3, row=place // 3))
    torch.testing.assert_close(found.norm(dim=1), vectors.norm(dim=1))


def test_products_of_turned_vectors_depend_on_the_distance_alone() -> None:
    angles = rotation_angles(4, torch.device("cpu"))
    query, key = torch.randn(2, 64, generator=torch.Generator().manual_seed(3))
    queries, keys = (rotated(one.expand(1, 1, 16, 64), angles)[0, 0] for one in (query, key))
    torch.testing.assert_close(queries[0] @ keys[5], queries[10] @ keys[15], rtol=1e-4, atol=1e-4)


def test_sizes_are_read_from_the_tensors() -> None:
    tensors = {f"a.{name}": value for name, value in frame_tensors().items()}
    file = TensorFile(Path("w.pth"), tensors, {})
    assert frame_sizes(file, "a.") == SMALL
    with pytest.raises(WeightsError, match=r"w\.pth is not a frame encoder of PE-AV: it has no tensor b\.patch_embed"):
        frame_sizes(file, "b.")
