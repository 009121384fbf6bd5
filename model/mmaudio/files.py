"""MMAudio's files: read without unpickling code, converted to checkpoints of this project, exported back.

Raises WeightsError for files that are not what they should be. Tensors are converted to fp32, as published.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from data_contracts import UsageError, WeightsError
from data_contracts.files import atomic_path, hash_file
from model.checkpoint import is_checkpoint, read_info, read_weights, save_checkpoint
from model.config import NetworkConfig
from model.mmaudio.adapter import LEARNED, adapt, extract
from model.mmaudio.layout import NOT_WEIGHTS, PUBLISHED_MD5, Layout, listed, plain, read_layout, require_keys
from model.specs import FeatureSpecs
from model.variants import Variant, variant
from model.weights.names import plain_names, unwrapped

_CLIP_S: Final = 8.0  # every MMAudio network was trained on 8 s


@dataclass(frozen=True, slots=True, kw_only=True)
class MMAudioFile:
    """The content of an MMAudio file: fp32 tensors under MMAudio's names, checked key by key, and their layout."""

    tensors: dict[str, Tensor]
    layout: Layout
    specs: FeatureSpecs
    name: str
    sha256: str
    published_as: str | None


def read_mmaudio(path: Path, specs: FeatureSpecs | None = None) -> MMAudioFile:
    """Returns a checked MMAudio file, `.pth` or safetensors, weights alone or a training's whole state.

    `specs` are those of its codec and encoders; None: MMAudio's own, by the number of latent channels.
    """
    tensors = {key: value.float() for key, value in _tensors(path).items() if key not in NOT_WEIGHTS}
    layout = read_layout(tensors, path.name)
    if specs is None:
        specs = layout.specs()
    layout.require(specs, "the given codec and encoders")
    require_keys(tensors, layout.network, specs, path.name)
    return MMAudioFile(
        tensors=tensors,
        layout=layout,
        specs=specs,
        name=path.name,
        sha256=hash_file(path),
        published_as=PUBLISHED_MD5.get(hash_file(path, "md5")),
    )


def convert(path: Path, out: Path, *, kind: Variant | None = None, specs: FeatureSpecs | None = None) -> str:
    """Writes a checkpoint of this project that equals the MMAudio network; returns one line about it.

    `kind`: the named configuration it becomes, `full` by default. It keeps MMAudio's learned empty features.
    """
    source = read_mmaudio(path, specs)
    chosen = kind or variant("full")
    config = dataclasses.replace(chosen.network_config(_extended(source.layout.network)), absent="learned")
    save_checkpoint(
        out,
        adapt(source.tensors, config),
        network=config,
        specs=source.specs,
        clip_s=_CLIP_S,
        step=0,
        training={
            "variant": chosen.name,
            "converted_from": {"file": source.name, "sha256": source.sha256, "published": source.published_as},
        },
    )
    count = sum(value.numel() for value in source.tensors.values())
    known = source.published_as or "no published file's hash"
    return (
        f"{out}: MMAudio {config.version}, width {config.width}, {config.joint_depth} joint + {config.fused_depth} "
        f"fused blocks, {count:,} parameters of MMAudio ({known}), codec {source.specs.codec.name}"
    )


def export(path: Path, out: Path, *, drop_input_embedding: bool = False) -> str:
    """Writes a checkpoint of this project as MMAudio's `.pth` or safetensors; returns one line about it.

    Raises WeightsError when MMAudio's code cannot run the network (`adapter.extract`).
    """
    if out.suffix not in (".pth", ".safetensors"):
        raise UsageError(f"export to {out.name}: the name must end in .pth or .safetensors")
    info = read_info(path)
    tensors = extract(read_weights(path), info.network, drop_input_embedding=drop_input_embedding)
    require_keys(tensors, plain(info.network), info.specs, path.name)
    with atomic_path(out) as temporary:
        if out.suffix == ".pth":
            torch.save(tensors, temporary)
        else:
            save_file(tensors, temporary)
    return f"{out}: {len(tensors)} tensors, {sum(value.numel() for value in tensors.values()):,} parameters"


def initial_weights(path: Path, config: NetworkConfig, specs: FeatureSpecs, *, seed: int = 0) -> dict[str, Tensor]:
    """Returns a full state dict for `Network(config, specs)` from an MMAudio file or a checkpoint of this project.

    An MMAudio network gets a fresh InputEmbedding when `config` has one and starts exactly as it was, as long as its
    own `latent_mean` and `latent_std` (in the result) normalise the latents. Raises WeightsError when sizes differ,
    MismatchError when a checkpoint's codec or encoders are others. Source: SPEC T1.
    """
    if is_checkpoint(path):
        info = read_info(path)
        specs.require_same(info.specs, "the features", path.name)
        weights, found = read_weights(path), info.network
    else:
        source = read_mmaudio(path, specs)
        weights, found = source.tensors, source.layout.network
    _require_network(found, config, path.name)
    if config.input_embedding == found.input_embedding:
        return _with_absent(weights, config, path.name)
    if found.input_embedding:
        raise WeightsError(
            f"{path.name} has an InputEmbedding and the network to train has none; set it or export first"
        )
    return adapt(_with_absent(weights, config, path.name), config, seed=seed)


def starting_config(path: Path, config: NetworkConfig) -> NetworkConfig:
    """Returns `config` with absent modalities as the file has them: learned in MMAudio's own, else by its header."""
    absent = read_info(path).network.absent if is_checkpoint(path) else "learned"
    return dataclasses.replace(config, absent=absent)


def _extended(network: NetworkConfig) -> NetworkConfig:
    return dataclasses.replace(network, input_embedding=True, mask_video=True)


def _require_network(found: NetworkConfig, wanted: NetworkConfig, name: str) -> None:
    both = found.input_embedding and wanted.input_embedding
    sizes = [field.name for field in dataclasses.fields(NetworkConfig) if not field.name.startswith("mlp_")]
    switches = {"input_embedding", "mask_video", "mask_kind", "mask_sync", "pool", "absent"}
    if not both:
        switches |= {"position_kernel", "position_groups"}
    for size in [*(one for one in sizes if one not in switches), "mlp_width"]:
        mine, theirs = getattr(found, size), getattr(wanted, size)
        if mine != theirs:
            raise WeightsError(
                f"{name} is a network of {size} {mine}, the one to train has {theirs}; choose its preset"
            )


def _with_absent(weights: dict[str, Tensor], config: NetworkConfig, name: str) -> dict[str, Tensor]:
    """Drops the tensors of absent modalities for all-zero features; learned ones must be in the file."""
    if config.absent == "zero":
        return {key: value for key, value in weights.items() if key not in LEARNED}
    missing = [key for key in LEARNED if key not in weights]
    if missing:
        raise WeightsError(f"{name} was trained with all-zero absent features: no {listed(missing)}; set absent: zero")
    return weights


def _tensors(path: Path) -> dict[str, Tensor]:
    content = unwrapped(_content(path))
    odd = [str(key) for key, value in content.items() if not isinstance(value, Tensor)]
    if odd or not content:
        raise WeightsError(f"{path.name} has no weights: {', '.join(odd[:3]) or 'it is empty'} is not a tensor")
    return plain_names(content, path.name)


def _content(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise WeightsError(f"{path} does not exist; MMAudio's files are on the hub under hkchengrex/MMAudio, weights/")
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # an unpickler raises errors of any type on other bytes
        raise WeightsError(
            f"{path} is not a checkpoint: neither PyTorch nor safetensors can read plain tensors from it; MMAudio's "
            "files are on the hub under hkchengrex/MMAudio, weights/"
        ) from error
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path.name} is a {type(content).__name__}, not a dict of tensors")
    return dict(content)
