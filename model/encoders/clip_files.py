"""CLIP's weights and sizes from a folder, in either of two layouts, under transformers' names.

open_clip's layout: `open_clip_config.json` and `open_clip_pytorch_model.bin` (or `.safetensors`); the joint q, k, v
matrices are split and the projections transposed. transformers' layout: `config.json` and `model.safetensors` (or
`pytorch_model.bin`). Both need `vocab.json` and `merges.txt` for the text. Source: SPEC M6, M7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from data_contracts import WeightsError
from model.weights.files import TensorFile, read_config, read_tensors

OPEN_CLIP: Final = ("open_clip_config.json", ("open_clip_pytorch_model.bin", "open_clip_model.safetensors"))
TRANSFORMERS: Final = ("config.json", ("model.safetensors", "pytorch_model.bin"))
DFN5B: Final = {"embed": 1024, "text_layers": 24, "vision_layers": 32, "image_size": 378}

_WHOLE: Final = {
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",  # transformers' own spelling
    "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "visual.ln_post.weight": "vision_model.post_layernorm.weight",
    "visual.ln_post.bias": "vision_model.post_layernorm.bias",
    "logit_scale": "logit_scale",
}
_TURNED: Final = {"text_projection": "text_projection.weight", "visual.proj": "visual_projection.weight"}
_LAYER: Final = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}
_UNUSED: Final = ("attn_mask", "position_ids")  # constants in older files


@dataclass(frozen=True, slots=True)
class ClipFiles:
    """Tensors under transformers' names, and the settings of both towers as transformers' configs take them."""

    folder: Path
    weights: Path
    tensors: dict[str, Tensor]
    text: dict[str, Any]
    vision: dict[str, Any]
    random: bool

    @property
    def embed(self) -> int:
        """Width of the joint embedding."""
        return int(self.vision["projection_dim"])

    @property
    def is_dfn5b(self) -> bool:
        """Whether the sizes are those of DFN5B-CLIP-ViT-H-14-378 and the file is not marked as random."""
        found = {
            "embed": self.embed,
            "text_layers": self.text["num_hidden_layers"],
            "vision_layers": self.vision["num_hidden_layers"],
            "image_size": self.vision["image_size"],
        }
        return found == DFN5B and not self.random

    def tower(self, name: str) -> dict[str, Tensor]:
        """Returns the tensors of `text` or `vision`, the latter with its projection."""
        prefix = f"{name}_model."
        own = {key: value for key, value in self.tensors.items() if key.startswith(prefix)}
        if name == "text":
            return {key.removeprefix(prefix): value for key, value in own.items()}
        return {**own, "visual_projection.weight": self.tensors["visual_projection.weight"]}


def read_clip_files(folder: Path) -> ClipFiles:
    """Returns a folder's weights and settings. Raises WeightsError when files are missing or of another model."""
    for (config, names), read in ((OPEN_CLIP, _open_clip), (TRANSFORMERS, _transformers)):
        weights = next((folder / name for name in names if (folder / name).is_file()), None)
        if weights is not None:
            return read(folder, read_config(folder / config), read_tensors(weights))
    expected = " or ".join(f"{config} with {names[0]}" for config, names in (OPEN_CLIP, TRANSFORMERS))
    raise WeightsError(f"{folder} has no CLIP weights; expected {expected}")


def from_open_clip(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns open_clip's tensors under transformers' names. Raises WeightsError for a name that is not CLIP's."""
    converted: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if name in _WHOLE:
            converted[_WHOLE[name]] = value
        elif name in _TURNED:
            converted[_TURNED[name]] = value.T.contiguous()
        elif name.rsplit(".", 1)[-1] not in _UNUSED:
            converted |= _layer(name, value)
    return converted


def _layer(name: str, value: Tensor) -> dict[str, Tensor]:
    side, found, rest = name.partition("transformer.resblocks.")
    if not found or side not in ("", "visual."):
        raise WeightsError(f"tensor {name} is not of open_clip's CLIP layout; is it another model?")
    number, _, rest = rest.partition(".")
    target = f"{'vision' if side else 'text'}_model.encoder.layers.{number}"
    if rest in ("attn.in_proj_weight", "attn.in_proj_bias"):
        kind = rest.removeprefix("attn.in_proj_")
        parts = zip("qkv", value.chunk(3), strict=True)
        return {f"{target}.self_attn.{letter}_proj.{kind}": part for letter, part in parts}
    module, _, kind = rest.rpartition(".")
    if module not in _LAYER:
        raise WeightsError(f"tensor {name} is not of open_clip's CLIP layout; is it another model?")
    return {f"{target}.{_LAYER[module]}.{kind}": value}


def _open_clip(folder: Path, config: dict[str, Any], file: TensorFile) -> ClipFiles:
    model = config.get("model_cfg", config)
    try:
        text, vision, embed = model["text_cfg"], model["vision_cfg"], int(model["embed_dim"])
        act = "quick_gelu" if model.get("quick_gelu", False) else "gelu"
        width = int(vision["width"])
        common = {"hidden_act": act, "projection_dim": embed}
        text_sizes = {
            "vocab_size": int(text["vocab_size"]),
            "max_position_embeddings": int(text["context_length"]),
            **_tower(int(text["width"]), int(text["layers"]), int(text["heads"]), text),
        }
        vision_sizes = {
            "image_size": int(vision["image_size"]),
            "patch_size": int(vision["patch_size"]),
            **_tower(width, int(vision["layers"]), width // int(vision.get("head_width", 64)), vision),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{folder}/{OPEN_CLIP[0]} does not describe a CLIP of two transformers ({error!r})"
        ) from error
    tensors = from_open_clip(file.tensors)
    random = bool(config.get("random", False)) or file.random
    return ClipFiles(
        folder, file.path, _checked(tensors, file), {**text_sizes, **common}, {**vision_sizes, **common}, random
    )


def _tower(width: int, layers: int, heads: int, config: Mapping[str, Any]) -> dict[str, int]:
    return {
        "hidden_size": width,
        "intermediate_size": int(width * float(config.get("mlp_ratio", 4))),
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
    }


def _transformers(folder: Path, config: dict[str, Any], file: TensorFile) -> ClipFiles:
    if config.get("model_type") != "clip":
        raise WeightsError(f"{folder}/config.json describes {config.get('model_type')!r}; expected model_type clip")
    embed = int(config.get("projection_dim", 512))
    text = {**config.get("text_config", {}), "projection_dim": embed}
    vision = {**config.get("vision_config", {}), "projection_dim": embed}
    tensors = {name: value for name, value in file.tensors.items() if name.rsplit(".", 1)[-1] not in _UNUSED}
    random = bool(config.get("random", False)) or file.random
    return ClipFiles(folder, file.path, _checked(tensors, file), text, vision, random)


def _checked(tensors: dict[str, Tensor], file: TensorFile) -> dict[str, Tensor]:
    """Each tensor must belong to one half or join them; so nothing is left out unnoticed when a half is taken."""
    known = ("text_model.", "vision_model.", "text_projection.weight", "visual_projection.weight", "logit_scale")
    strangers = [name for name in tensors if not name.startswith(known)]
    if strangers or "visual_projection.weight" not in tensors:
        raise WeightsError(
            f"{file.path} is not a CLIP of text and images: "
            f"{'unexpected ' + strangers[0] if strangers else 'visual_projection.weight is missing'}"
        )
    return {name: value.to(torch.float32) for name, value in tensors.items()}
