"""How long the published codecs, encoders and judges take at full size, against a matrix product of as many operations.

`python -m benchmarks.parts [--component synchformer ...] [--device cuda]`. The weights are random: the time does not
depend on them. Each line has the seconds for one unit, its operations (multiply and add count as two), and the share of
the matrix product's speed. With one thread on a CPU, seconds are of CPU time, so that other programs do not matter.
`--count` only counts the operations of 8 s, and needs neither memory nor time.
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
from benchmarks.judge_workloads import LaionClap, MsClap, Panns, Passt, Vggish
from benchmarks.video_judge_workloads import Audiobox, ImageBind, PeAv, PeAvFrame, Synchformer
from model.codec.bigvgan import BigVGAN, BigVGANSizes
from model.codec.dac_vae import ContinuousDAC, DACSizes, fold_weight_norm
from model.codec.mel import MEL_44K, Mel
from model.codec.meta_dacvae import MetaDACVAE
from model.codec.mmaudio import MMAudioCodec
from model.codec.mmaudio_vae import MelVAE, VAESizes
from model.codec.torchaudio_shim import prepare_torchaudio
from model.devices import half_precision
from model.encoders.synchformer import SynchformerSizes, VideoTransformer


def _on_device(network: nn.Module, device: torch.device) -> object:
    return network(device)


@dataclass(frozen=True)
class Workload:
    """One unit of work: `network` made on a device, `run` does it once; `per_clip` of them make 8 s.

    `counted_on` is where operations are counted: without memory, or on a CPU where a network looks at its values.
    """

    unit: str
    per_clip: float
    make: Callable[[], nn.Module]
    run: Callable[[nn.Module, torch.device], object] = _on_device
    half: bool = False
    counted_on: str = "meta"


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


WORKLOADS = {
    "synchformer": Workload(
        "window",
        24,
        lambda: VideoTransformer(SynchformerSizes()),
        lambda network, device: network(torch.zeros(1, 3, 16, 224, 224, device=device)),
        half=True,
    ),
    "clip-image": Workload(
        "frame",
        64,
        _clip_image,
        lambda network, device: network(pixel_values=torch.zeros(1, 3, 378, 378, device=device)),
        half=True,
    ),
    "clip-text": Workload(
        "caption",
        1,
        _clip_text,
        lambda network, device: network(input_ids=torch.ones(1, 77, dtype=torch.int64, device=device)),
        half=True,
    ),
    "mmaudio-44k encode": Workload(
        "second",
        8,
        _mmaudio,
        lambda network, device: network.posterior(torch.zeros(1, 1, 43 * 1024, device=device)),  # type: ignore[operator]
    ),
    "mmaudio-44k decode": Workload(
        "second",
        8,
        _mmaudio,
        lambda network, device: network.waveform(torch.zeros(1, 40, 43, device=device)),  # type: ignore[operator]
    ),
    "meta-dacvae encode": Workload(
        "second",
        8,
        MetaDACVAE,
        lambda network, device: network.posterior(torch.zeros(1, 1, 48_000, device=device)),  # type: ignore[operator]
    ),
    "meta-dacvae decode": Workload(
        "second",
        8,
        MetaDACVAE,
        lambda network, device: network.waveform(torch.zeros(1, 128, 25, device=device)),  # type: ignore[operator]
    ),
    "moss-dacvae encode": Workload(
        "second",
        8,
        lambda: ContinuousDAC(DACSizes()),
        lambda network, device: network.posterior(torch.zeros(1, 1, 48_000, device=device)),  # type: ignore[operator]
    ),
    "vggish": Workload("clip", 1, Vggish),
    "panns": Workload("clip", 1, Panns),
    "passt": Workload("clip", 1, Passt),
    "laion-clap": Workload("clip", 1, LaionClap),
    "laion-clap text": Workload(
        "caption", 1, LaionClap, lambda network, device: network.text(device), counted_on="cpu"
    ),
    "ms-clap": Workload("clip", 1, MsClap),
    "ms-clap text": Workload("caption", 1, MsClap, lambda network, device: network.text(device), counted_on="cpu"),
    "imagebind": Workload("clip", 1, ImageBind),
    "imagebind video": Workload("pair", 9, ImageBind, lambda network, device: network.video(device)),
    "synchformer audio": Workload("clip", 1, Synchformer),
    "synchformer video": Workload("segment", 24, Synchformer, lambda network, device: network.video(device)),
    "synchformer offsets": Workload("clip", 1, Synchformer, lambda network, device: network.offsets(device)),
    "pe-av": Workload("clip", 1, PeAv),
    "pe-av video": Workload("frame", 16, PeAvFrame),
    "pe-av text": Workload("caption", 1, PeAv, lambda network, device: network.text(device)),
    "audiobox-aesthetics": Workload("clip", 1, Audiobox),
}


@torch.inference_mode()
def measure(workload: Workload, device: torch.device) -> tuple[float, float, float]:
    """Returns seconds per unit (best of two), operations, and the matmul's seconds for as many operations."""
    with device:
        network = workload.make().eval()
    fold_weight_norm(network)
    _once(workload, network, device)
    flops = count(workload)
    seconds = min(_timed(lambda: _once(workload, network, device), device) for _ in range(2))
    return seconds, flops, flops / _matmul_speed(device, half=workload.half)


@torch.inference_mode()
def count(workload: Workload) -> int:
    """Returns the operations of one unit. (On a CPU the counter overlooks fused attention.)"""
    device = torch.device(workload.counted_on)
    with device:
        network = workload.make().eval()
    fold_weight_norm(network)
    with FlopCounterMode(display=False) as counter:
        workload.run(network.to(device), device)
    return int(counter.get_total_flops())


def _once(workload: Workload, network: nn.Module, device: torch.device) -> None:
    with half_precision(device) if workload.half else torch.autocast(device.type, enabled=False):
        workload.run(network, device)


def _timed(work: Callable[[], object], device: torch.device) -> float:
    clock = time.process_time if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    if device.type == "cuda":
        torch.cuda.synchronize()
    started = clock()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - started


def _matmul_speed(device: torch.device, *, half: bool) -> float:
    """Operations per second of a square product, in the precision that the component computes in."""
    size = 8192 if device.type == "cuda" else 2048
    dtype = torch.float16 if half and device.type == "cuda" else torch.float32
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    return 2 * size**3 / min(_timed(lambda: a @ b, device) for _ in range(3))


def main(arguments: list[str] | None = None) -> int:
    """Prints one line per component."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--component", nargs="*", default=list(WORKLOADS), choices=list(WORKLOADS))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--count", action="store_true")
    options = parser.parse_args(arguments)
    for name in options.component:
        workload = WORKLOADS[name]
        if options.count:
            print(f"{name:20} {count(workload) * workload.per_clip / 1e9:9.0f} GFLOP per 8 s clip", flush=True)
            continue
        seconds, flops, floor = measure(workload, torch.device(options.device))
        print(
            f"{name:20} {seconds:8.3f} s per {workload.unit:8} {seconds * workload.per_clip:8.1f} s per 8 s clip "
            f"{flops / 1e9:9.1f} GFLOP  {floor / seconds:5.0%} of a matmul's speed",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
