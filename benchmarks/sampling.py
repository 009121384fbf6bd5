"""Sampling time of a clip against its FLOP floor: the same FLOPs as plain matrix products on the same device.

    python -m benchmarks.sampling [--preset small] [--batch 1 16] [--steps 25] [--seconds 8] [--repeat 3]
                                  [--precision fp32|bf16] [--compile]

Prints, per batch size, the seconds of one call of `Generator.generate` (random conditions, CFG 4.5, both branches in
one forward pass; no encoders, no codec), the seconds of equal FLOPs as products of square matrices in the same
precision, and their ratio. Without a GPU seconds are CPU seconds of all threads, which other programs disturb less.
Weights are random: the time does not depend on them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch

from model.config import preset
from model.generate import Generator, Request
from model.network import build_network
from model.paper_specs import paper_specs
from model.training.flops import forward_flops, matmul_speed, synchronised


def main() -> None:
    """Measures and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--compile", action="store_true")
    chosen = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    flops = flops_per_sound(chosen.preset, chosen.steps, chosen.seconds)
    print(f"{chosen.preset}, {chosen.seconds:g} s, {chosen.steps} steps, CFG 4.5, {chosen.precision}, {name}")
    print(f"{flops / 1e12:.3f} TFLOP per sound; best of {chosen.repeat}\n")
    print("| batch | seconds | per sound | floor | ratio | peak GiB |\n|---|---|---|---|---|---|")
    generator = generator_on(device, chosen.preset, chosen.precision, compiled=chosen.compile)
    for batch in chosen.batch:
        taken = sampling_s(generator, device, batch, steps=chosen.steps, seconds=chosen.seconds, repeat=chosen.repeat)
        floor = floor_s(batch * flops, device, chosen.precision, chosen.repeat)
        peak = torch.cuda.max_memory_allocated() / 2**30 if device.type == "cuda" else float("nan")
        print(f"| {batch} | {taken:.2f} | {taken / batch:.2f} | {floor:.2f} | {taken / floor:.2f} | {peak:.1f} |")


def flops_per_sound(name: str, steps: int, seconds: float) -> float:
    """Returns the FLOPs of sampling one sound, both branches of the guidance."""
    return 2 * steps * forward_flops(preset(name), paper_specs(), seconds)


def generator_on(device: torch.device, name: str, precision: str, *, compiled: bool) -> Generator:
    """Returns a generator with random weights on the device."""
    generator = Generator(_network(name).to(device), precision=precision)
    if compiled:
        generator.network.compile()
    return generator


def sampling_s(
    generator: Generator, device: torch.device, batch: int, *, steps: int, seconds: float, repeat: int
) -> float:
    """Returns the seconds of sampling a batch: the best of `repeat` after one to warm up."""
    requests = [_request(generator, seconds, seed) for seed in range(batch)]
    return best(lambda: generator.generate(requests, steps=steps), device, repeat)


def _network(name: str) -> torch.nn.Module:
    network = build_network(preset(name), paper_specs(), seed=0)
    network.set_latent_stats(torch.zeros(network.specs.codec.latent_dim), torch.ones(network.specs.codec.latent_dim))
    return network.eval().requires_grad_(False)


def _request(generator: Generator, seconds: float, seed: int) -> Request:
    specs, g = generator.specs, torch.Generator().manual_seed(seed)
    return Request(
        task="vta",
        duration_s=seconds,
        seed=seed,
        text_LD=torch.randn(specs.text.tokens, specs.text.dim, generator=g),
        clip_VD=torch.randn(specs.clip.length(seconds), specs.clip.dim, generator=g),
        sync_SD=torch.randn(specs.sync.length(seconds), specs.sync.dim, generator=g),
    )


def floor_s(flops: float, device: torch.device, precision: str, repeat: int) -> float:
    """Returns the seconds that `flops` take as products of square matrices; CPU seconds where there is no GPU."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    speed = matmul_speed(device, dtype, repeat=max(3, repeat))
    return flops / (speed.per_s if device.type == "cuda" else speed.per_cpu_s)


def best(work: Callable[[], object], device: torch.device, repeat: int) -> float:
    """Returns the shortest of `repeat` runs after one to warm up; CPU seconds of all threads where there is no GPU."""
    times = []
    for _ in range(repeat + 1):
        started = synchronised(device) if device.type == "cuda" else time.process_time()
        work()
        times.append((synchronised(device) if device.type == "cuda" else time.process_time()) - started)
    return min(times[1:])


if __name__ == "__main__":
    main()
