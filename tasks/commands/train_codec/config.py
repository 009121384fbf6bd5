"""Settings of the codec's training."""

from __future__ import annotations

from pydantic import Field

from tasks.engine.settings import StageConfig


class CodecTrainConfig(StageConfig):
    """The shipped `embedded_16k` codec was trained with the defaults, on one CPU core."""

    name: str = Field("embedded_16k", description="name in the weights' header")
    encoder_dim: int = Field(32, ge=2, description="channels of the first encoder layer")
    decoder_dim: int = Field(256, ge=16, description="channels of the first decoder layer")
    latent_dim: int = Field(32, ge=2, description="latent channels")
    steps: int = Field(1800, ge=1, description="optimiser steps")
    batch_size: int = Field(4, ge=1, description="segments per step")
    segment_frames: int = Field(32, ge=4, description="latent frames per segment (40 ms each)")
    lr: float = Field(8e-4, gt=0, description="peak learning rate, cosine to a twentieth")
    warmup_steps: int = Field(100, ge=0)
    kl_weight: float = Field(3e-4, ge=0, description="weight of the KL, summed over channels, mean over frames")
    spectral_weight: float = Field(1.0, ge=0, description="weight of the relative L1 of mel magnitudes")
    wave_weight: float = Field(0.0, ge=0, description="weight of the negative signal-to-noise ratio in dB")
    grad_clip: float = Field(3.0, gt=0)
    ema_decay: float = Field(0.998, ge=0, lt=1, description="decay of the averaged weights, which are published")
    corpus_scenes: int = Field(400, ge=4, description="scenes of the built-in corpus, rendered at the start")
    corpus_seed: int = Field(771_177, description="another one than the demo's, whose clips stay unseen")
    corpus_share: float = Field(0.6, ge=0, le=1, description="share of segments from the corpus; the rest is general")
    checkpoint_every: int = Field(100, ge=1, description="steps between resumable checkpoints")
    publish_every: int = Field(100, ge=1, description="steps between published snapshots")
    log_every: int = Field(50, ge=1)
    seed: int = Field(20_260_614)
    device: str = Field("cpu", description="cpu or cuda")
