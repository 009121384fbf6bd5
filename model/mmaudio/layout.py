"""Which MMAudio network a state dict is of, read from its shapes alone. Source: SPEC M1.

Both generations are recognised: v2 has an activation inside the clip and text projections, which moves the gated MLP's
keys from index 1 to 2, and a time embedding over D instead of 256 frequencies. All other names are those of
`model.network`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from data_contracts import UsageError, WeightsError
from model.config import NetworkConfig
from model.network import Network
from model.paper_specs import paper_specs
from model.specs import FeatureSpecs

NOT_WEIGHTS: Final = frozenset({"t_embed.freqs", "latent_rot", "clip_rot"})  # tables in older files
CODEC_BY_CHANNELS: Final[Mapping[int, str]] = {40: "mmaudio-44k", 20: "mmaudio-16k"}
PUBLISHED_MD5: Final[Mapping[str, str]] = {
    "af93cde404179f58e3919ac085b8033b": "mmaudio_small_16k",
    "babd74c884783d13701ea2820a5f5b6d": "mmaudio_small_44k",
    "5a56b6665e45a1e65ada534defa903d0": "mmaudio_medium_44k",
    "fed96c325a6785b85ce75ae1aafd2673": "mmaudio_large_44k",
    "01ad4464f049b2d7efdaa4c1a59b8dfe": "mmaudio_large_44k_v2",
}
_MOST_NAMED: Final = 6
_AXES: Final[Mapping[str, int]] = {  # the tensors that the sizes are read from, and their axes
    "latent_mean": 3,
    "empty_string_feat": 2,
    "sync_pos_emb": 4,
    "audio_input_proj.0.weight": 3,
    "sync_input_proj.0.weight": 3,
    "clip_input_proj.0.weight": 2,
    "global_cond_mlp.w1.weight": 2,
    "final_layer.conv.weight": 3,
    "joint_blocks.0.latent_block.attn.q_norm.weight": 1,
    "joint_blocks.0.latent_block.linear1.weight": 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A network as MMAudio has it (no InputEmbedding, no masks, learned empty features) and its features' sizes."""

    network: NetworkConfig
    channels: int
    clip_dim: int
    sync_dim: int
    per_segment: int
    tokens: int
    text_dim: int

    def specs(self) -> FeatureSpecs:
        """Returns MMAudio's own codec and encoders. Raises WeightsError for sizes that no published file has."""
        codec = CODEC_BY_CHANNELS.get(self.channels)
        if codec is None:
            raise WeightsError(
                f"no MMAudio codec has latents of {self.channels} channels; 44.1 kHz has 40 and 16 kHz has 20"
            )
        specs = paper_specs(codec)
        self.require(specs, "MMAudio's encoders")
        return specs

    def require(self, specs: FeatureSpecs, owner: str) -> None:
        """Raises WeightsError naming the first size that differs from that of `specs`."""
        for name, found, expected in (
            ("latent channels", self.channels, specs.codec.latent_dim),
            ("clip width", self.clip_dim, specs.clip.dim),
            ("sync width", self.sync_dim, specs.sync.dim),
            ("sync features per segment", self.per_segment, specs.sync.per_segment),
            ("text tokens", self.tokens, specs.text.tokens),
            ("text width", self.text_dim, specs.text.dim),
        ):
            if found != expected:
                raise WeightsError(f"the weights have {name} {found}, {owner} {expected}; they do not belong together")


def read_layout(tensors: Mapping[str, Tensor], name: str) -> Layout:
    """Returns the layout of a state dict. Raises WeightsError when it is not MMAudio's or its sizes contradict."""
    missing = [key for key in _AXES if key not in tensors]
    if missing:
        raise WeightsError(f"{name} is not an MMAudio network: it has no {listed(missing)}")
    for key, axes in _AXES.items():
        if tensors[key].ndim != axes:
            raise WeightsError(f"{name} is not an MMAudio network: {key} has {tensors[key].ndim} axes, expected {axes}")
    width, channels, audio_kernel = tensors["audio_input_proj.0.weight"].shape
    try:
        network = _network(tensors, width, audio_kernel)
    except UsageError as error:
        raise WeightsError(f"{name}: {error}") from error
    hidden = tensors["global_cond_mlp.w1.weight"].shape[0]
    if network.mlp_width != hidden:
        raise WeightsError(f"{name}: feed-forward width {hidden}; MMAudio has {network.mlp_width} at width {width}")
    tokens, text_dim = tensors["empty_string_feat"].shape
    return Layout(
        network=network,
        channels=channels,
        clip_dim=tensors["clip_input_proj.0.weight"].shape[1],
        sync_dim=tensors["sync_input_proj.0.weight"].shape[1],
        per_segment=tensors["sync_pos_emb"].shape[2],
        tokens=tokens,
        text_dim=text_dim,
    )


def require_keys(tensors: Mapping[str, Tensor], network: NetworkConfig, specs: FeatureSpecs, name: str) -> None:
    """Raises WeightsError naming the differences unless keys and shapes are exactly the network's."""
    with torch.device("meta"):
        expected = {key: tuple(value.shape) for key, value in Network(network, specs).state_dict().items()}
    unknown = sorted(tensors.keys() - expected.keys())
    missing = sorted(expected.keys() - tensors.keys())
    shapes = [
        f"{key} {tuple(tensors[key].shape)}, expected {shape}"
        for key, shape in expected.items()
        if key in tensors and tuple(tensors[key].shape) != shape
    ]
    problems = [
        f"{what} {listed(found)}"
        for what, found in (("unknown keys:", unknown), ("missing keys:", missing), ("wrong shapes:", shapes))
        if found
    ]
    if problems:
        raise WeightsError(f"{name} does not fit the network that its sizes say: {'; '.join(problems)}")
    broken = [key for key in ("latent_mean", "latent_std") if not bool(tensors[key].isfinite().all())]
    if broken:
        raise WeightsError(f"{name}: {listed(broken)} not set; take weights that a training has written")


def listed(names: Iterable[str]) -> str:
    """Returns the first names and how many more there are."""
    all_names = list(names)
    more = len(all_names) - _MOST_NAMED
    return ", ".join(all_names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def plain(network: NetworkConfig) -> NetworkConfig:
    """Returns the same network as MMAudio has it."""
    return dataclasses.replace(network, input_embedding=False, mask_video=False, absent="learned")


def _network(tensors: Mapping[str, Tensor], width: int, audio_kernel: int) -> NetworkConfig:
    joint, fused = _count(tensors, "joint_blocks."), _count(tensors, "fused_blocks.")
    second = any(key.startswith("clip_input_proj.2.") for key in tensors)
    return NetworkConfig(
        width=width,
        depth=joint + fused,
        fused_depth=fused,
        heads=width // tensors["joint_blocks.0.latent_block.attn.q_norm.weight"].shape[0],
        version="v2" if second else "v1",
        block_kernel=tensors["joint_blocks.0.latent_block.linear1.weight"].shape[-1],
        audio_kernel=audio_kernel,
        sync_kernel=tensors["sync_input_proj.0.weight"].shape[-1],
        final_kernel=tensors["final_layer.conv.weight"].shape[-1],
        input_embedding=False,
        mask_video=False,
        absent="learned",
    )


def _count(tensors: Mapping[str, Tensor], prefix: str) -> int:
    numbers = {int(key.split(".")[1]) for key in tensors if key.startswith(prefix) and key.split(".")[1].isdigit()}
    return max(numbers, default=-1) + 1
