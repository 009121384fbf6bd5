"""Settings of the codec's training."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tasks.engine.settings import StageConfig


class OptimiserSettings(StageConfig):
    """How a network of either kind is optimised."""

    steps: int = Field(ge=1, description="optimiser steps")
    batch_size: int = Field(ge=1, description="segments per step")
    segment_frames: int = Field(ge=4, description="latent frames per segment (40 ms each)")
    lr: float = Field(gt=0, description="peak learning rate, cosine to a fiftieth")
    warmup_steps: int = Field(100, ge=0, description="steps in which the rate rises from zero to its peak")
    kl_weight: float = Field(ge=0, description="weight of the KL")
    grad_clip: float = Field(gt=0, description="largest global norm of the gradients")


class MelVAESettings(OptimiserSettings):
    """The mel-VAE with phase reconstruction; the defaults made the shipped codec."""

    steps: int = Field(5_000, ge=1, description="optimiser steps")
    batch_size: int = Field(12, ge=1, description="segments per step")
    segment_frames: int = Field(40, ge=4, description="latent frames per segment (40 ms each)")
    lr: float = Field(1e-3, gt=0, description="peak learning rate, cosine to a fiftieth")
    kl_weight: float = Field(3e-4, ge=0, description="weight of the KL, mean over channels and frames")
    grad_clip: float = Field(1.0, gt=0, description="largest global norm of the gradients")
    width: int = Field(384, ge=8, description="channels of the convolutions")
    latent_dim: int = Field(128, ge=2, le=512, description="latent channels")
    latent_std: float = Field(0.03, gt=0, description="deviation of the posterior, the same everywhere")
    linear_lr_share: float = Field(0.1, gt=0, le=1, description="rate of the linear maps over the convolutions'")
    start_batches: int = Field(64, ge=1, description="batches that the principal components are fitted on")
    least_scale: float = Field(0.02, gt=0, le=1, description="smallest scale of a channel over the first channel's")
    loud_weight: float = Field(0.5, ge=0, description="weight of the L1 of the loud levels")
    power_weight: float = Field(0.5, ge=0, description="weight of the L1 of the power in patches, as levels")
    attack_weight: float = Field(0.3, ge=0, description="weight of the L1 of the levels around attacks")


class DACVAESettings(OptimiserSettings):
    """The DAC-VAE with DAC's discriminators and feature matching: for a GPU."""

    steps: int = Field(100_000, ge=1, description="optimiser steps")
    batch_size: int = Field(16, ge=1, description="segments per step")
    segment_frames: int = Field(32, ge=4, description="latent frames per segment (40 ms each)")
    lr: float = Field(1e-4, gt=0, description="peak learning rate of network and discriminators")
    kl_weight: float = Field(5e-3, ge=0, description="weight of the KL, summed over channels, mean over frames")
    grad_clip: float = Field(100.0, gt=0, description="largest global norm of the gradients")
    encoder_dim: int = Field(32, ge=2, description="channels of the first encoder layer")
    decoder_dim: int = Field(256, ge=16, description="channels of the first decoder layer")
    latent_dim: int = Field(32, ge=2, description="latent channels")
    mel_weight: float = Field(15.0, ge=0, description="weight of the L1 of log-mel spectra (DAC: 15)")
    spectral_weight: float = Field(15.0, ge=0, description="weight of the relative L1 of mel magnitudes")
    wave_weight: float = Field(0.0, ge=0, description="weight of the negative signal-to-noise ratio in dB")
    adversarial_weight: float = Field(1.0, ge=0, description="weight of the discriminators' judgement (DAC: 1)")
    feature_weight: float = Field(2.0, ge=0, description="weight of the feature matching (DAC: 2)")
    periods: tuple[int, ...] = Field((2, 3, 5, 7, 11), description="periods of the multi-period discriminators")
    fft_sizes: tuple[int, ...] = Field(
        (2048, 1024, 512), description="windows of the multi-band STFT discriminators; none of both: no adversary"
    )


class CodecTrainConfig(StageConfig):
    """The defaults made the shipped `embedded_16k`, on one CPU core."""

    kind: Literal["mel-vae", "dac-vae"] = Field("mel-vae", description="which network is trained")
    name: str = Field("embedded_16k", description="name in the weights' header")
    mel_vae: MelVAESettings = MelVAESettings()
    dac_vae: DACVAESettings = DACVAESettings()
    ema_decay: float = Field(0.998, ge=0, lt=1, description="decay of the averaged weights, which are published")
    corpus_scenes: int = Field(400, ge=4, description="scenes of the built-in corpus, rendered at the start")
    corpus_seed: int = Field(771_177, description="another one than the demo's, whose clips stay unseen")
    corpus_share: float = Field(0.6, ge=0, le=1, description="share of segments from the corpus; the rest is general")
    checkpoint_every: int = Field(250, ge=1, description="steps between resumable checkpoints")
    publish_every: int = Field(250, ge=1, description="steps between published snapshots")
    log_every: int = Field(50, ge=1, description="steps between lines of the log")
    seed: int = Field(20_260_614, description="seed of weights, batches and noise")
    device: str = Field("cpu", description="cpu or cuda")

    @property
    def optimiser(self) -> MelVAESettings | DACVAESettings:
        """The settings of the kind that is trained."""
        return self.mel_vae if self.kind == "mel-vae" else self.dac_vae
