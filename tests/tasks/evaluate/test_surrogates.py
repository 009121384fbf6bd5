"""Surrogate video features before the target's (SPEC G4, G8): which frames they are, and what is refused."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from data_contracts import ItemError, UsageError
from model.specs import SyncSpec
from model.variants import Surrogate
from tasks.evaluate import surrogates
from tasks.evaluate.surrogates import Surrogates

SPEC = SyncSpec(name="fake", dim=2, weights_sha256="4" * 64, placeholder=True)
FPS = SPEC.fps
LENGTH = SPEC.length(8.0)
VIDEOS = torch.stack([torch.arange(LENGTH * 2.0).reshape(LENGTH, 2) + 1000 * video for video in range(2)])


def made(kind: Surrogate, spec: SyncSpec = SPEC) -> Surrogates:
    """Returns surrogates of two videos whose features count their frames."""
    store: Any = SimpleNamespace(specs=SimpleNamespace(sync=spec), sync=lambda rows: VIDEOS[rows])
    return Surrogates(kind, store, torch.device("cpu"))


def sync(kind: Surrogate, *, reference: int | None = 1, from_s: float = 0.0, duration_s: float = 2.0) -> Tensor:
    return made(kind).sync(0, reference, from_s=from_s, duration_s=duration_s)


@pytest.mark.parametrize("duration_s", [0.5, 2.0, 3.0])
def test_each_kind_has_the_length_of_the_reference(duration_s: float) -> None:
    for kind in ("crop", "repeat", "true"):
        assert sync(kind, duration_s=duration_s).shape == (SPEC.covering_length(duration_s), 2)


def test_g4_crop_is_the_beginning_of_the_targets_video() -> None:
    torch.testing.assert_close(sync("crop"), VIDEOS[0, : SPEC.length(2.0)])


def test_g8_repeat_is_the_targets_first_two_seconds_again_and_again() -> None:
    beginning = SPEC.length(2.0)
    repeated = sync("repeat", duration_s=5.0)
    for position in range(len(repeated)):
        torch.testing.assert_close(repeated[position], VIDEOS[0, position % beginning])


@pytest.mark.parametrize(("from_s", "start"), [(0.0, 0), (1.0, round(FPS)), (7.5, LENGTH - SPEC.length(2.0))])
def test_g8_true_is_the_references_own_video_at_its_time(from_s: float, start: int) -> None:
    torch.testing.assert_close(sync("true", from_s=from_s), VIDEOS[1, start : start + SPEC.length(2.0)])


def test_true_needs_a_video_of_the_reference() -> None:
    with pytest.raises(ItemError, match="the reference has no video") as caught:
        sync("true", reference=None)
    assert caught.value.reason == "no_video"


def test_g8_blank_encodes_black_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    class Encoder:
        spec = SPEC
        size = 16

        def encode(self, frames_THWC: np.ndarray) -> Tensor:
            assert not frames_THWC.any()
            return torch.full((len(frames_THWC), 2), 7.0)

    monkeypatch.setattr(surrogates, "load_sync_encoder", lambda name, device: Encoder())
    monkeypatch.setattr(surrogates, "made_by", lambda store: SimpleNamespace(sync_encoder="fake"))
    assert len(sync("blank")) == int(2.0 * FPS)


@pytest.mark.parametrize(("kind", "from_s"), [("repeat", 0.0), ("true", 1.0)])
def test_features_whose_windows_overlap_cannot_be_cut(kind: Surrogate, from_s: float) -> None:
    spec = dataclasses.replace(SPEC, segment=16)
    with pytest.raises(UsageError, match=f"surrogate {kind}: features of fake cover 16 frames each and cannot be cut"):
        made(kind, spec).sync(0, 1, from_s=from_s, duration_s=2.0)
