"""The network's and the training's settings, with the paper's numbers as presets.

Every sequence length comes from `model.specs` and the duration; nothing here depends on a codec or an encoder.
Legend: D width, N audio frames, V video frames, F latent channels.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final, Literal, Self

from data_contracts import UsageError

SumReference = Literal["start", "path", "never"]
SpanPlacement = Literal["random", "prefix", "mixed"]
MaskKind = Literal["soft", "hard"]
MaskSync = Literal["projected", "raw", "both"]
Pool = Literal["all", "visible"]
Absent = Literal["zero", "learned"]
Precision = Literal["fp32", "bf16"]
"""bf16: the network under autocast; flow states, time and sums stay in fp32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkConfig:
    """Sizes and readings of the network (SPEC M1, M4-M9, M12). `depth` counts joint and fused blocks together."""

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
    mask_video: bool = True  # SPEC M12: off = M-1, M-3
    mask_kind: MaskKind = "soft"  # SPEC M7
    mask_sync: MaskSync = "projected"  # SPEC M8
    pool: Pool = "all"  # SPEC M9: clip tokens in the global condition; visible: hidden ones do not dilute their mean
    absent: Absent = "zero"  # SPEC T2; learned = MMAudio's checkpoints

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
    """What training hides and drops (SPEC M3, M5, T2). Shares and chances are in 0..1."""

    span_share: tuple[float, float] = (0.7, 1.0)  # SPEC M3
    span_placement: SpanPlacement = "random"
    drop_reference: float = 0.3  # SPEC M5
    dropped_reference_mask: Literal["full", "span"] = "full"
    drop_clip: float = 0.1  # SPEC T2
    drop_sync: float = 0.1
    drop_text: float = 0.1
    drop_video: Literal["independent", "joint"] = "independent"
    drop_semantics: float = 0.0  # extra chance of losing clip and text at once: AC-VTA's conditions (SPEC G4)

    def __post_init__(self) -> None:
        low, high = self.span_share
        if not 0.0 < low <= high <= 1.0:
            raise UsageError(f"span_share {low}..{high} must lie in 0..1, low first; the paper uses 0.7..1.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """How a network is optimised (SPEC T1, T4). Defaults are MMAudio's; the paper's batch is 256."""

    steps: int = 300_000
    batch_size: int = 256
    lr: float = 1e-4
    warmup_steps: int = 1_000
    schedule: Literal["constant", "cosine", "step"] = "step"
    milestones: tuple[float, ...] = (0.8, 0.9)  # step: shares of `steps` at which the rate falls to a tenth
    final_lr_share: float = 0.1  # cosine: the last rate over the peak
    hold_share: float = 0.0  # cosine: share of `steps` at the peak before it falls
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-6
    weight_decay: float = 1e-6
    grad_clip: float = 1.0
    time_location: float = 0.0  # SPEC T1: flow times are sigmoid(N(location, spread)); MMAudio's are 0 and 1
    time_spread: float = 1.0
    ema_sigmas: tuple[float, ...] = (0.05, 0.1)  # relative widths of the running averages, as MMAudio's
    ema_sigma_rel: float = 0.05  # the width that is published and validated
    ema_snapshot_every: int = 5_000
    ema_keep: int = 64  # snapshots kept, evenly spaced; each holds one set of weights per width
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool | None = None  # torch.compile of the loss; None: on a GPU
    compile_backend: str = "inductor"
    gradient_checkpointing: bool = False  # blocks' activations are computed again in the backward pass
    micro_batch: int | None = None  # rows per forward and process; None: the process's whole share of the batch
    log_every: int = 200
    validate_every: int = 5_000
    checkpoint_every: int = 10_000
    keep_last: int = 2  # training states kept
    validation_rows: int = 64
    explosion_loss: float = 50.0  # a fresh network scores about 2 on normalised latents
    explosion_factor: float = 10.0  # and a step this many times the median of the last hundred
    seed: int = 14159265
    masks: MaskConfig = MaskConfig()

    def __post_init__(self) -> None:
        if len(set(self.ema_sigmas)) < 2:
            raise UsageError(f"ema_sigmas {self.ema_sigmas} must name at least two widths; MMAudio uses 0.05 and 0.1")
        if self.micro_batch is not None and (self.micro_batch < 2 or self.micro_batch % 2):
            raise UsageError(f"micro_batch {self.micro_batch} must be even and at least 2: half VTA, half TTA")
