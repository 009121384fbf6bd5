"""Random caches of av-benchmark in its layout, for the tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from tasks.evaluate.av_benchmark.caches import FILES, PANNS_FILE

SEGMENTS = 24


def write_random_cache(folder: Path, names: Sequence[str], *, seed: int, sides: Sequence[str] = ("audio",)) -> Path:
    """Writes every file of the sides as av-benchmark does, and returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = torch.Generator().manual_seed(seed)
    for file in FILES:
        if file.side not in sides:
            continue
        shape = tuple(SEGMENTS if side is None and file.judge == "synchformer" else side or 8 for side in file.shape)
        clips: dict[str, object] = {}
        for name in names:
            tensor = torch.randn(shape, generator=drawn)
            if file.name == PANNS_FILE:
                logits = torch.randn(527, generator=drawn)
                clips[name] = {"2048": tensor.relu(), "logits": logits, "clipwise_output": logits.sigmoid()}
            else:
                clips[name] = tensor
        torch.save(clips, folder / file.name)
    return folder


__all__ = ["SEGMENTS", "write_random_cache"]
