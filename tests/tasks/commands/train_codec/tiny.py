"""The smallest codec trainings that exercise everything, one per kind."""

from __future__ import annotations

from tasks.commands.train_codec.config import CodecTrainConfig, DACVAESettings, MelVAESettings

_SHARED = {"steps": 6, "batch_size": 2, "segment_frames": 8, "warmup_steps": 2}

MEL = CodecTrainConfig(
    mel_vae=MelVAESettings(width=8, latent_dim=4, start_batches=2, **_SHARED),
    dac_vae=DACVAESettings(encoder_dim=2, decoder_dim=16, latent_dim=4, periods=(), fft_sizes=(), **_SHARED),
    corpus_scenes=4, checkpoint_every=3, publish_every=3, log_every=3,
)  # fmt: skip
DAC = MEL.model_copy(update={"kind": "dac-vae"})
"""Without an adversary, whose smallest network is large."""
HOP = 640
"""Samples per latent frame of either kind."""


def with_settings(config: CodecTrainConfig, **changes: object) -> CodecTrainConfig:
    """Returns the config with changed settings of its kind."""
    group = "mel_vae" if config.kind == "mel-vae" else "dac_vae"
    return config.model_copy(update={group: config.optimiser.model_copy(update=changes)})
