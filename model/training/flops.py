"""FLOPs of a training step, and how many per second a device does: its peak, and what plain matrix products reach.

FLOPs are the model's own (a multiply-add is 2; what gradient checkpointing computes twice counts once), counted on
tensors without storage, so that a count costs no memory and no GPU.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from model.config import NetworkConfig
from model.network import Features, Network
from model.specs import FeatureSpecs


@dataclass(frozen=True, slots=True)
class Peak:
    """A device's dense peak in FLOP/s: bf16 on its tensor cores, fp32 as TF32 on the same cores."""

    name: str
    bf16: float
    tf32: float


# NVIDIA's data sheets (A100, H100, H200), without sparsity. The first name that the device's name contains counts.
PEAKS: Final[tuple[Peak, ...]] = (
    Peak("H200", 989.4e12, 494.7e12),
    Peak("H100 PCIe", 756e12, 378e12),
    Peak("H100 NVL", 835e12, 417.5e12),
    Peak("H100", 989.4e12, 494.7e12),
    Peak("A100", 312e12, 156e12),
)


_SIDE: Final = {"cpu": 2048, "cuda": 8192}


def peak_flops(device: torch.device, *, bf16: bool) -> float | None:
    """Returns the device's peak for the precision, None for a device that is not in the table."""
    return named_peak(torch.cuda.get_device_name(device), bf16=bf16) if device.type == "cuda" else None


def named_peak(name: str, *, bf16: bool) -> float | None:
    """Returns the peak of a device by its name."""
    found = next((peak for peak in PEAKS if peak.name in name), None)
    return None if found is None else (found.bf16 if bf16 else found.tf32)


@dataclass(frozen=True, slots=True)
class MatmulSpeed:
    """FLOP/s of plain products of square matrices: by the clock, and per processor second of all threads."""

    per_s: float
    per_cpu_s: float


def matmul_speed(
    device: torch.device, dtype: torch.dtype = torch.float32, *, side: int | None = None, repeat: int = 5
) -> MatmulSpeed:
    """Returns the best of `repeat` products after one to warm up; `side` by default what reaches a device's speed.

    Other work on the machine disturbs processor seconds less than the clock; on a GPU only the clock means something.
    """
    side = side or _SIDE[device.type]
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    wall_s, cpu_s = [], []
    for _ in range(repeat + 1):
        started, used = synchronised(device), time.process_time()
        torch.matmul(a, b)
        wall_s.append(synchronised(device) - started)
        cpu_s.append(time.process_time() - used)
    flops = 2.0 * side**3
    return MatmulSpeed(flops / max(min(wall_s[1:]), 1e-9), flops / max(min(cpu_s[1:]), 1e-9))


def synchronised(device: torch.device) -> float:
    """Returns the clock, in seconds, once the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def training_flops(config: NetworkConfig, specs: FeatureSpecs, clip_s: float) -> int:
    """Returns the FLOPs of one sample's forward and backward pass for clips of `clip_s`: three forward passes.

    The usual convention; counting the backward pass itself counts grouped convolutions once per group too often.
    """
    return 3 * forward_flops(config, specs, clip_s)


def forward_flops(config: NetworkConfig, specs: FeatureSpecs, clip_s: float) -> int:
    """Returns the FLOPs of one sample's forward pass, conditions included."""
    with FakeTensorMode(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter, torch.no_grad():
        _velocity(Network(config, specs), specs, clip_s)
    return int(counter.get_total_flops())


def _velocity(network: Network, specs: FeatureSpecs, clip_s: float) -> Tensor:
    frames, channels = specs.codec.frames(clip_s), specs.codec.latent_dim
    present = torch.ones(1, dtype=torch.bool)
    features = Features(
        torch.zeros(1, specs.clip.length(clip_s), specs.clip.dim),
        torch.zeros(1, specs.sync.length(clip_s), specs.sync.dim),
        torch.zeros(1, specs.text.tokens, specs.text.dim),
        present,
        present,
        present,
    )
    mask_BN = torch.ones(1, frames, dtype=torch.bool)
    latent_BNF = torch.zeros(1, frames, channels)
    conditions = network.preprocess_conditions(features, mask_BN)
    velocity: Tensor = network(latent_BNF, torch.zeros(1), latent_BNF, mask_BN, conditions)
    return velocity
