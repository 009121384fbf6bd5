"""Small networks with every path open, and inputs for them. Masks are True = generated."""

from __future__ import annotations

import torch

from model.config import NetworkConfig
from model.network import Conditions, Features, Network, build_network
from tests.model.fakes import TOY, toy_specs

B, N, V, S = 2, 50, 8, 50


def awake(config: NetworkConfig = TOY, *, per_segment: int = 1) -> Network:
    """A network whose zero-initialised gates are opened, so that every path matters."""
    network = build_network(config, toy_specs(per_segment=per_segment), seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return network.eval()


def features(seed: int = 0, *, frames: int = S) -> Features:
    """All three modalities, `frames` sync features."""
    g = torch.Generator().manual_seed(seed)
    present = torch.ones(B, dtype=torch.bool)
    return Features(
        torch.randn(B, V, 10, generator=g), torch.randn(B, frames, 6, generator=g),
        torch.randn(B, 5, 12, generator=g), present, present, present,
    )  # fmt: skip


def frame_sync(conditions: Conditions) -> torch.Tensor:
    """(B, frames, D): the masked sync condition of every frame."""
    return conditions.sync.spread(conditions.sync.rows_BRD)


def span(start: int, stop: int, frames: int = N) -> torch.Tensor:
    """(B, frames): start..stop is generated."""
    mask = torch.zeros(B, frames, dtype=torch.bool)
    mask[:, start:stop] = True
    return mask
