"""How long the published parts take at full size, against a plain matrix product of as many operations.

`python -m benchmarks.parts [--part synchformer ...] [--device cuda]`. Weights are random: time does not depend on them.
Each line: seconds for the unit, its operations (multiply and add count as two), and the share of the matmul's speed.
`--count` only counts operations, of 8 s, without memory or time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import model.codec.blocks  # noqa: F401  before anything is built without memory
from model.codec.bigvgan import BigVGAN, BigVGANSizes
from model.codec.dac_vae import ContinuousDAC, DACSizes, fold_weight_norm
from model.codec.mel import MEL_44K, Mel
from model.codec.meta_dacvae import MetaDACVAE
from model.codec.mmaudio import MMAudioCodec
from model.codec.mmaudio_vae import MelVAE, VAESizes
from model.codec.torchaudio_shim import prepare_torchaudio
from model.devices import half_precision
from model.encoders.synchformer import SynchformerSizes, VideoTransformer


@dataclass(frozen=True)
class Job:
    """One unit of work: `network` made on a device, `run` does it once; `per_clip` of them make 8 s."""

    unit: str
    per_clip: float
    make: Callable[[], nn.Module]
    run: Callable[[nn.Module, torch.device], object]
    half: bool = False


def _mmaudio() -> nn.Module:
    vae = MelVAE(VAESizes(bands=128, latent_dim=40, width=512))
    vae.normalise_rows()
    return MMAudioCodec(Mel(MEL_44K), vae, BigVGAN(BigVGANSizes()))


def _clip_image() -> nn.Module:
    prepare_torchaudio()
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    sizes = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 16}
    config = CLIPVisionConfig(**sizes, image_size=378, patch_size=14, projection_dim=1024, hidden_act="quick_gelu")
    return CLIPVisionModelWithProjection(config)


def _clip_text() -> nn.Module:
    prepare_torchaudio()
    from transformers import CLIPTextConfig, CLIPTextModel

    sizes = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
    return CLIPTextModel(CLIPTextConfig(**sizes, hidden_act="quick_gelu"))


JOBS = {
    "synchformer": Job(
        "window",
        24,
        lambda: VideoTransformer(SynchformerSizes()),
        lambda network, device: network(torch.zeros(1, 3, 16, 224, 224, device=device)),
        half=True,
    ),
    "clip-image": Job(
        "frame",
        64,
        _clip_image,
        lambda network, device: network(pixel_values=torch.zeros(1, 3, 378, 378, device=device)),
        half=True,
    ),
    "clip-text": Job(
        "sentence",
        1,
        _clip_text,
        lambda network, device: network(input_ids=torch.ones(1, 77, dtype=torch.int64, device=device)),
        half=True,
    ),
    "mmaudio-44k encode": Job(
        "second",
        8,
        _mmaudio,
        lambda network, device: network.posterior(torch.zeros(1, 1, 43 * 1024, device=device)),  # type: ignore[operator]
    ),
    "mmaudio-44k decode": Job(
        "second",
        8,
        _mmaudio,
        lambda network, device: network.waveform(torch.zeros(1, 40, 43, device=device)),  # type: ignore[operator]
    ),
    "meta-dacvae encode": Job(
        "second",
        8,
        MetaDACVAE,
        lambda network, device: network.posterior(torch.zeros(1, 1, 48_000, device=device)),  # type: ignore[operator]
    ),
    "meta-dacvae decode": Job(
        "second",
        8,
        MetaDACVAE,
        lambda network, device: network.waveform(torch.zeros(1, 128, 25, device=device)),  # type: ignore[operator]
    ),
    "moss-dacvae encode": Job(
        "second",
        8,
        lambda: ContinuousDAC(DACSizes()),
        lambda network, device: network.posterior(torch.zeros(1, 1, 48_000, device=device)),  # type: ignore[operator]
    ),
}


@torch.inference_mode()
def measure(job: Job, device: torch.device) -> tuple[float, float, float]:
    """Returns seconds per unit (best of two), operations, and the matmul's seconds for as many operations."""
    with device:
        network = job.make().eval()
    fold_weight_norm(network)
    with FlopCounterMode(display=False) as counter:
        _once(job, network, device)
    flops = counter.get_total_flops()
    seconds = min(_timed(lambda: _once(job, network, device), device) for _ in range(2))
    return seconds, flops, flops / _matmul_speed(device, half=job.half)


@torch.inference_mode()
def count(job: Job) -> int:
    """Returns the operations of one unit, on tensors without content."""
    device = torch.device("meta")
    with device:
        network = job.make().eval()
    fold_weight_norm(network)
    with FlopCounterMode(display=False) as counter:
        job.run(network.to(device), device)
    return int(counter.get_total_flops())


def _once(job: Job, network: nn.Module, device: torch.device) -> None:
    with half_precision(device) if job.half else torch.autocast(device.type, enabled=False):
        job.run(network, device)


def _timed(work: Callable[[], object], device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _matmul_speed(device: torch.device, *, half: bool) -> float:
    """Operations per second of a square product, in the precision that the part computes in."""
    size = 8192 if device.type == "cuda" else 2048
    dtype = torch.float16 if half and device.type == "cuda" else torch.float32
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    return 2 * size**3 / min(_timed(lambda: a @ b, device) for _ in range(3))


def main() -> None:
    """Prints one line per part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", nargs="*", default=list(JOBS), choices=list(JOBS))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--count", action="store_true")
    options = parser.parse_args()
    for name in options.part:
        job = JOBS[name]
        if options.count:
            print(f"{name:20} {count(job) * job.per_clip / 1e9:9.0f} GFLOP per 8 s clip", flush=True)
            continue
        seconds, flops, floor = measure(job, torch.device(options.device))
        print(
            f"{name:20} {seconds:8.3f} s per {job.unit:8} {seconds * job.per_clip:8.1f} s per 8 s clip "
            f"{flops / 1e9:9.1f} GFLOP  {floor / seconds:5.0%} of a matmul's speed",
            flush=True,
        )


if __name__ == "__main__":
    main()
