"""How fast this machine encodes, timed on synthetic clips; only the embedded components, so that a plan is quick."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

import numpy as np
import torch

from model.codec import load_codec
from model.codec.codec import EMBEDDED as CODECS
from model.encoders import EMBEDDED as ENCODERS
from model.encoders import load_image_encoder, load_sync_encoder, load_text_encoder
from model.frames import Frames
from tasks.precompute.config import PrecomputeConfig
from tasks.precompute.size import Rate

_TEXTS: Final = 32  # the stage encodes texts in batches
_CAPTION: Final = "a dog barks twice in the distance while rain falls on a tin roof"


def measured_rates(config: PrecomputeConfig) -> dict[str, Rate]:
    """Returns clips (latents, clip, sync) and texts (text) per second of each embedded component, without the others.

    Decoding and resampling files is not included.
    """
    work: dict[str, tuple[bool, Callable[[], Callable[[], object]]]] = {
        "latents": (config.codec in CODECS, lambda: _audio(config)),
        "clip": (config.image_encoder in ENCODERS, lambda: _images(config)),
        "sync": (config.sync_encoder in ENCODERS, lambda: _motion(config)),
        "text": (config.text_encoder in ENCODERS, lambda: _text(config)),
    }
    device = f"CPU of {os.cpu_count()} cores (timed now)"
    return {
        name: Rate(per_s=(_TEXTS if name == "text" else 1) / _seconds(make()), device=device)
        for name, (embedded, make) in work.items()
        if embedded
    }


def _seconds(run: Callable[[], object]) -> float:
    """Returns the shorter of two runs' times, after a first run that loads weights."""
    run()
    times = []
    for _ in range(2):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return max(min(times), 1e-6)


def _audio(config: PrecomputeConfig) -> Callable[[], object]:
    codec = load_codec(config.codec)
    samples = torch.randn(1, codec.spec.samples(config.clip_s), generator=torch.Generator().manual_seed(0)) * 0.1
    return lambda: codec.encode(samples)


def _images(config: PrecomputeConfig) -> Callable[[], object]:
    image = load_image_encoder(config.image_encoder)
    return lambda: image.encode(_frames(image.spec.length(config.clip_s), image.size))


def _motion(config: PrecomputeConfig) -> Callable[[], object]:
    sync = load_sync_encoder(config.sync_encoder)
    return lambda: sync.encode(_frames(int(sync.spec.fps * config.clip_s), sync.size))


def _text(config: PrecomputeConfig) -> Callable[[], object]:
    text = load_text_encoder(config.text_encoder)
    return lambda: text.encode([f"{_CAPTION} {number}" for number in range(_TEXTS)])


def _frames(count: int, size: int) -> Frames:
    return np.random.default_rng(0).integers(0, 255, (count, size, size, 3), np.uint8)
