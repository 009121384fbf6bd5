"""The in-memory features of the model's tests, written as a store on disk, and a training on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from data_contracts import FeatureRow, write_table
from model.feature_writer import FeatureWriter
from tasks.train.config import TrainConfig
from tests.model.fakes import FakeStore


def write_features(folder: Path, fake: FakeStore, made_by: dict[str, Any] | None = None) -> None:
    writer = FeatureWriter(folder, fake.specs, fake.clip_s)
    for latent in fake.mean_RNF.numpy():
        writer.add_latent(latent, np.full_like(latent, 0.02), in_stats=True)
    for clip, sync in zip(fake.clip_RVD.numpy(), fake.sync_RSD.numpy(), strict=True):
        writer.add_video(clip, sync)
    for text in fake.text_RLD.numpy():
        writer.add_text(text)
    writer.finish(stats_from="all rows", keys={"latents": [], "videos": [], "texts": []}, made_by=made_by)
    write_table(folder / "features.parquet", FeatureRow, fake.rows)


SHORT: Final = TrainConfig(
    steps=4, batch_size=4, warmup_steps=1, log_every=2, validate_every=2, checkpoint_every=2, ema_snapshot_every=2,
    device="cpu", precision="fp32",
)  # fmt: skip
"""A training of four steps that logs, validates and saves twice."""
