"""adaLN on the distinct rows of the frame condition against adaLN on every frame: CPU time, and whether it is equal.

    python -m benchmarks.adaln_rows [--preset small] [--batch 2] [--seconds 8] [--repeats 3]

192 synchronisation features and one row of masked frames serve 345 audio frames (8 s at 44.1 kHz), so the modulation's
linear maps run on 193 rows. Prints, for a forward pass and for forward and backward, the ratio of best CPU times
(distinct / every frame, interleaved runs) and the largest difference of the velocities and gradients.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor

from model.config import preset
from model.network import Features, Network, build_network
from model.paper_specs import paper_specs


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    network = _awake(options.preset)
    inputs = _inputs(network, options.batch, options.seconds)
    print(f"{options.preset}, batch {options.batch}, {options.seconds:g} s, {torch.get_num_threads()} thread(s)")
    for name, train in (("forward", False), ("forward and backward", True)):
        seconds: dict[bool, list[float]] = {True: [], False: []}
        results: dict[bool, list[Tensor]] = {}
        for _ in range(options.repeats):
            for distinct in (False, True):
                network.distinct_rows = distinct
                started = time.process_time()
                results[distinct] = _run(network, inputs, train=train)
                seconds[distinct].append(time.process_time() - started)
        best = {distinct: min(values) for distinct, values in seconds.items()}
        largest = max(float((a - b).abs().max()) for a, b in zip(results[True], results[False], strict=True))
        scale = max(float(value.abs().max()) for value in results[False])
        print(
            f"{name}: distinct rows {best[True]:.2f} s, every frame {best[False]:.2f} s, ratio "
            f"{best[True] / best[False]:.3f}, largest difference {largest:.1e} of {scale:.2g}"
        )


def _awake(name: str) -> Network:
    network = build_network(preset(name), paper_specs(), seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.01 * torch.randn(weight.shape, generator=generator))
    return network


def _inputs(network: Network, batch: int, seconds: float) -> tuple[Features, Tensor, Tensor, Tensor]:
    specs, generator = network.specs, torch.Generator().manual_seed(2)
    there = torch.ones(batch, dtype=torch.bool)
    features = Features(
        torch.randn(batch, specs.clip.length(seconds), specs.clip.dim, generator=generator),
        torch.randn(batch, specs.sync.length(seconds), specs.sync.dim, generator=generator),
        torch.randn(batch, specs.text.tokens, specs.text.dim, generator=generator),
        there,
        there,
        there,
    )
    frames = specs.codec.frames(seconds)
    x_BNF = torch.randn(batch, frames, specs.codec.latent_dim, generator=generator)
    mask_BN = (torch.arange(frames) >= frames // 5).expand(batch, -1)
    return features, x_BNF, torch.rand(batch, generator=generator), mask_BN


def _run(network: Network, inputs: tuple[Features, Tensor, Tensor, Tensor], *, train: bool) -> list[Tensor]:
    features, x_BNF, t_B, mask_BN = inputs
    network.zero_grad(set_to_none=True)
    with torch.set_grad_enabled(train):
        conditions = network.preprocess_conditions(features, mask_BN)
        velocity = network(x_BNF, t_B, x_BNF * ~mask_BN[..., None], mask_BN, conditions)
    if not train:
        return [velocity]
    torch.autograd.backward(velocity.square().mean())
    return [weight.grad for weight in network.parameters() if weight.grad is not None]


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
