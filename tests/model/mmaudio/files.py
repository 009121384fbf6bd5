"""Scaled-down MMAudio files: the real names and layouts, small widths."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from model.config import NetworkConfig
from model.mmaudio import initial_weights
from model.network import Network
from model.paper_specs import paper_specs
from model.specs import FeatureSpecs
from tests.model.mmaudio.reference import Weights, state_dict

TOKENS, TEXT, CLIP, SYNC = 7, 20, 24, 12


def small_specs(codec: str = "mmaudio-44k") -> FeatureSpecs:
    """MMAudio's encoders with narrow features; all lengths are the real ones."""
    specs = paper_specs(codec)
    return dataclasses.replace(
        specs,
        text=dataclasses.replace(specs.text, tokens=TOKENS, dim=TEXT),
        clip=dataclasses.replace(specs.clip, dim=CLIP),
        sync=dataclasses.replace(specs.sync, dim=SYNC),
    )


def small_weights(version: str, *, channels: int = 40, seed: int = 0) -> Weights:
    """A network of 2 joint and 2 fused blocks with random weights, none of them zero."""
    return state_dict(
        width=48, depth=4, fused=2, hidden=256, channels=channels, clip=CLIP, sync=SYNC, text=TEXT, tokens=TOKENS,
        second=version == "v2", seed=seed,
    )  # fmt: skip


def start_from(path: Path, config: NetworkConfig, specs: FeatureSpecs, *, seed: int = 0) -> Network:
    """A network with the weights that a training from `path` starts with."""
    network = Network(config, specs)
    network.load_state_dict(initial_weights(path, config, specs, seed=seed), strict=True)
    return network


def small_file(path: Path, version: str = "v1", **changes: torch.Tensor | None) -> Weights:
    """Writes a `.pth`; `changes` adds keys, or takes away where None (dots as double underscores). Returns it."""
    weights = small_weights(version)
    for key, value in changes.items():
        name = key.replace("__", ".")
        if value is None:
            del weights[name]
        else:
            weights[name] = value
    torch.save(weights, path)
    return weights
