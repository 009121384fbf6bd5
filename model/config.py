"""The network's and the training's settings, with the paper's numbers as presets.

Every sequence length comes from `model.specs` and the duration; nothing here depends on a codec or an encoder.
Legend: D width, N audio frames, V video frames, F latent channels.
"""

# ruff: noqa: RUF009 - `setting` only wraps dataclasses.field
from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

from data_contracts import UsageError

SumReference = Literal["start", "path", "never"]
SpanPlacement = Literal["random", "prefix", "mixed"]
MaskKind = Literal["soft", "hard"]
MaskSync = Literal["projected", "raw", "both"]
Pool = Literal["all", "visible"]
Absent = Literal["zero", "learned"]
LatentStd = Literal["channel", "common"]
Precision = Literal["fp32", "bf16"]
"""bf16: the network under autocast; flow states, flow times and sums stay in fp32."""
AskedPrecision = Literal["auto", "fp32", "bf16"]
"""auto: bf16 where the device multiplies it natively (`model.devices.choose_precision`)."""


def setting(default: Any, description: str, **limits: float) -> Any:
    """Returns a dataclass field that a run's config offers as a setting: its meaning and limits as pydantic names them.

    `tasks.train.config` builds the config's classes from these fields; fields without a description stay internal.
    """
    return field(default=default, metadata={"description": description, **limits})


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """Sizes and switches of the network (SPEC M1, M4-M9, M12). `depth` counts joint and fused blocks together."""

    width: int
    depth: int
    fused_depth: int
    heads: int
    version: Literal["v1", "v2"] = "v1"  # MMAudio's two generations: activations and the time embedding
    mlp_ratio: float = 4.0
    mlp_multiple: int = 256
    block_kernel: int = 3  # convolutions in the latent and clip blocks
    audio_kernel: int = 7  # convolutions of the audio input projection
    sync_kernel: int = 7  # first convolution of the sync input projection
    final_kernel: int = 7
    input_embedding: bool = True  # SPEC M12: off = M-1, M-2 (the context replaces x_t on its frames)
    position_kernel: int = 31  # ConvPositionEmbedding, as in F5-TTS
    position_groups: int = 16
    clip_scale: float = 1.0  # multiplies visual semantics; MMAudio's have norm 1 (why `tiny` differs: docs/model.md)
    mask_video: bool = True  # SPEC M12: off = M-1, M-3
    mask_kind: MaskKind = setting("soft", "hard: the resampled mask is thresholded at 0.5 (SPEC M7)")
    mask_sync: MaskSync = setting("projected", "where sync features are masked (SPEC M8)")
    pool: Pool = setting("all", "clip tokens in the global condition (SPEC M9); visible: without the masked ones")
    absent: Absent = setting("zero", "stands for an absent modality (SPEC T2); learned: MMAudio's empty features")

    def __post_init__(self) -> None:
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise UsageError(f"network width {self.width} needs an even share for each of {self.heads} heads")
        if not 0 <= self.fused_depth < self.depth:
            raise UsageError(
                f"network depth {self.depth} needs at least one joint block; fused_depth {self.fused_depth}"
            )
        if self.input_embedding and self.width % self.position_groups:
            raise UsageError(f"network width {self.width} does not divide by position_groups {self.position_groups}")

    @property
    def joint_depth(self) -> int:
        """Blocks with joint attention over audio, video and text."""
        return self.depth - self.fused_depth

    @property
    def mlp_width(self) -> int:
        """Hidden width of the gated MLPs: 2/3 of `mlp_ratio` x width, rounded up to `mlp_multiple`."""
        hidden = int(2 * int(self.mlp_ratio * self.width) / 3)
        return -(-hidden // self.mlp_multiple) * self.mlp_multiple

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON values, as stored in checkpoints."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Rebuilds the config from `to_dict`'s values."""
        return cls(**values)


# MMAudio's three sizes; every width follows from these four numbers.
_SMALL: Final = NetworkConfig(width=448, depth=12, fused_depth=8, heads=7)
_MEDIUM: Final = NetworkConfig(width=896, depth=12, fused_depth=8, heads=14)
_LARGE: Final = NetworkConfig(width=896, depth=21, fused_depth=14, heads=14)

PRESETS: Final[dict[str, NetworkConfig]] = {
    # Small enough for two CPU cores: short kernels, the same structure.
    "tiny": NetworkConfig(
        width=128,
        depth=4,
        fused_depth=2,
        heads=4,
        mlp_ratio=3.0,
        mlp_multiple=64,
        block_kernel=1,
        audio_kernel=1,
        sync_kernel=5,
        final_kernel=3,
        clip_scale=0.2,  # its image encoder's features have norm 36, and a high rate saturates their projection
    ),
    "small": _SMALL,
    "small_16k": _SMALL,
    "small_44k": _SMALL,
    "medium": _MEDIUM,
    "medium_44k": _MEDIUM,
    "large_44k": _LARGE,  # SPEC M1
    "large_44k_v2": dataclasses.replace(_LARGE, version="v2"),
    "large_48k_dacvae": _LARGE,  # SPEC M2: a public DAC-VAE's 128 channels at 50 Hz
}

PRESET_CODECS: Final[dict[str, str]] = {
    # The codec that a preset is meant for, by its name in `model.paper_specs`; the others fit any codec.
    "small_16k": "mmaudio-16k",
    "small_44k": "mmaudio-44k",
    "medium_44k": "mmaudio-44k",
    "large_44k": "mmaudio-44k",
    "large_44k_v2": "mmaudio-44k",
    "large_48k_dacvae": "moss-dacvae",
}


def preset(name: str) -> NetworkConfig:
    """Returns a preset. Raises UsageError naming the known ones."""
    if name not in PRESETS:
        raise UsageError(f"network preset {name!r} is unknown; choose one of {', '.join(sorted(PRESETS))}")
    return PRESETS[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskConfig:
    """What training masks and drops. Defaults are the paper's; probabilities and shares are in 0..1."""

    span_low: float = setting(0.7, "least share of frames to generate (SPEC M3)", gt=0, le=1)
    span_high: float = setting(1.0, "greatest share of frames to generate (SPEC M3)", gt=0, le=1)
    span_placement: SpanPlacement = setting(
        "random", "where the span lies (SPEC M3); prefix: the context is a prefix, as in generation"
    )
    drop_reference: float = setting(0.3, "probability of no reference audio (SPEC M5)", ge=0, le=1)
    dropped_reference_mask: Literal["full", "span"] = setting("full", "full: a dropped reference masks all frames")
    drop_clip: float = setting(0.1, "probability of no visual semantics (SPEC T2)", ge=0, le=1)
    drop_sync: float = setting(0.1, "probability of no sync features (SPEC T2)", ge=0, le=1)
    drop_text: float = setting(0.1, "probability of no text (SPEC T2)", ge=0, le=1)
    vta_drop_text: float | None = setting(None, "the same for rows with video; empty: drop_text", ge=0, le=1)
    drop_video: Literal["independent", "joint"] = setting("independent", "joint: clip and sync are dropped together")
    drop_semantics: float = setting(
        0.0, "further probability of neither clip nor text: AC-VTA's conditions (SPEC G4)", ge=0, le=1
    )

    def __post_init__(self) -> None:
        if not 0.0 < self.span_low <= self.span_high <= 1.0:
            raise UsageError(
                f"span_low {self.span_low} and span_high {self.span_high} must lie in 0..1, low first; "
                "the paper uses 0.7 and 1.0"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """How a network is optimised (SPEC T1, T4). Defaults are the paper's, and MMAudio's where it names none."""

    steps: int = setting(300_000, "optimiser steps (SPEC T1: 330,000 with augmented audio)", ge=1)
    batch_size: int = setting(256, "rows per step: half VTA, half TTA (SPEC T1, T4)", ge=2, multiple_of=2)
    augmented: bool = setting(True, "train on the augmented rows too (SPEC A8)")
    lr: float = setting(1e-4, "peak learning rate", gt=0)
    warmup_steps: int = setting(1_000, "steps in which the rate rises from zero to its peak", ge=0)
    schedule: Literal["constant", "cosine", "step"] = setting("step", "learning rate after the warm-up")
    milestones: tuple[float, ...] = setting((0.8, 0.9), "step: shares of the steps at which the rate falls to a tenth")
    hold_share: float = setting(0.0, "cosine: share of the steps at the peak before the rate falls", ge=0, lt=1)
    final_lr_share: float = setting(0.1, "cosine: last rate over the peak", ge=0, le=1)
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-6
    weight_decay: float = setting(1e-6, "AdamW's weight decay", ge=0)
    grad_clip: float = setting(1.0, "largest global norm of the gradients", gt=0)
    time_location: float = setting(
        0.0, "flow times are sigmoid(N(location, spread)); below 0 they lie nearer to the noise"
    )
    time_spread: float = setting(1.0, "spread of the flow times before the sigmoid", gt=0)
    tta_time_location: float | None = setting(None, "time_location of rows without video; empty: the same")
    tta_time_spread: float | None = setting(None, "time_spread of rows without video; empty: the same", gt=0)
    latent_std: LatentStd = setting(
        "channel",
        "latents are divided by each channel's deviation, as in MMAudio; common: by one number for all channels",
    )
    latent_scale: float = setting(1.0, "deviation of the normalised latents; below 1 all flow times are noisier", gt=0)
    ema_sigmas: tuple[float, ...] = setting((0.05, 0.1), "relative widths averaged while training; two or more")
    ema_sigma_rel: float = setting(0.05, "relative width of the average that is published and validated", gt=0, lt=0.29)
    ema_snapshot_every: int = setting(5_000, "steps between snapshots of the averages", ge=1)
    ema_keep: int = setting(64, "snapshots kept, evenly spaced; each is one file per width", ge=2)
    precision: AskedPrecision = setting(
        "fp32", "bf16: autocast; auto: bf16 on a device that multiplies it natively (GPU, CPU with AVX512-BF16 or AMX)"
    )
    compile: bool | None = setting(None, "torch.compile of the loss; empty: on a GPU")
    compile_backend: str = "inductor"
    gradient_checkpointing: bool = setting(False, "less memory for about a third more computing")
    micro_batch: int | None = setting(
        None, "rows per forward pass and process; empty: all at once", ge=2, multiple_of=2
    )
    log_every: int = setting(200, "steps between rows of the metrics", ge=1)
    validate_every: int = setting(5_000, "steps between validation losses", ge=1)
    checkpoint_every: int = setting(10_000, "steps between training states", ge=1)
    keep_last: int = setting(2, "training states kept, each with weights, optimiser and averages", ge=1)
    validation_rows: int = 64
    explosion_loss: float = setting(50.0, "a loss above this stops the training; fresh networks score about 2", gt=0)
    explosion_factor: float = setting(10.0, "so does one this many times the median of the last hundred", gt=1)
    skip_nonfinite: int = setting(
        0, "steps in a row whose loss or gradient is not finite that may be skipped; 0: the first one stops", ge=0
    )
    continue_steps: int | None = setting(
        None, "steps that a finished training adds when data or settings changed; empty: a tenth of steps", ge=1
    )
    seed: int = setting(14159265, "seed of weights, batches, masks and noise", ge=0)
    masks: MaskConfig = MaskConfig()

    def __post_init__(self) -> None:
        if len(set(self.ema_sigmas)) < 2:
            raise UsageError(
                f"ema_sigmas {self.ema_sigmas} must name at least two widths; MMAudio's are "
                "--set train.ema_sigmas=[0.05,0.1]"
            )
        if self.micro_batch is not None and (self.micro_batch < 2 or self.micro_batch % 2):
            raise UsageError(f"micro_batch {self.micro_batch} must be even and at least 2: half VTA, half TTA")
