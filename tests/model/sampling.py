"""A small generator with every path open, and requests of each task for it."""

from __future__ import annotations

import torch

from model.generate import Generator, Request, Sampling
from model.network import build_network
from tests.model.fakes import TOY, toy_specs

SPECS = toy_specs()
RATE = SPECS.codec.frame_rate_hz  # 25 frames per second


def generator(**sampling) -> Generator:
    network = build_network(TOY, SPECS, seed=1)
    g = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.03 * torch.randn(parameter.shape, generator=g))
    network.set_latent_stats(torch.arange(4.0), torch.arange(1.0, 5.0))
    return Generator(network.eval().requires_grad_(False), None, Sampling(**sampling))


def request(task: str, *, seed: int = 1, duration_s: float = 2.0, features: int = 0, **changes) -> Request:
    g = torch.Generator().manual_seed(features)
    frames = int(duration_s * RATE)
    values = {
        "text_LD": torch.randn(5, 12, generator=g),
        "clip_VD": torch.randn(int(4 * duration_s), 10, generator=g),
        "sync_SD": torch.randn(frames, 6, generator=g),
        "reference_NF": torch.randn(20, 4, generator=g),
        "reference_sync_SD": torch.randn(20, 6, generator=g),
        "original_NF": torch.randn(frames, 4, generator=g),
        "window_s": (0.52, 1.2),
    }
    if task == "edit":  # led by the text, unless a test gives a reference to imitate
        values |= {"reference_NF": None, "reference_sync_SD": None}
    return Request(task=task, duration_s=duration_s, seed=seed, **(values | changes))


def run(gen: Generator, *requests: Request, steps: int = 4, cfg_scale: float = 2.0) -> torch.Tensor:
    return gen.generate(requests, steps=steps, cfg_scale=cfg_scale)
