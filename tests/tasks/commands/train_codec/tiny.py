"""The smallest codec training that exercises everything."""

from __future__ import annotations

from tasks.commands.train_codec.config import CodecTrainConfig

TINY = CodecTrainConfig(
    encoder_dim=2, decoder_dim=16, latent_dim=4, steps=6, batch_size=2, segment_frames=8, warmup_steps=2,
    corpus_scenes=4, checkpoint_every=3, publish_every=3, log_every=3,
)  # fmt: skip
HOP = 640
"""Samples per latent frame of the codec's default patch and strides."""
