"""A small PE-AV in the published layout, and its frame encoder written down apart from our network."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from model.codec.torchaudio_shim import prepare_torchaudio
from tests.model.codec.layouts import Shapes, random_tensors
from tests.model.judges.loops import Tensors, attention, layer_norm, linear, mlp

WIDTH, DEPTH, PATCH, SIDE, EMBED = 128, 2, 4, 2, 24  # two heads of 64; frames of 8 x 8
FRAMES = "video_model.video_encoder.embedder.vision_model.timm_model."
_TOWER = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "head_dim": 16,
}
CONFIG: dict[str, Any] = {
    "model_type": "pe_audio_video",
    "text_config": {
        "model_type": "modernbert",
        "hidden_size": 40,
        "intermediate_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "vocab_size": 64,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "cls_token_id": 1,
        "eos_token_id": 2,
        "sep_token_id": 2,
    },
    "audio_video_config": {
        "model_type": "pe_audio_video_encoder",
        **_TOWER,
        "audio_config": {
            "model_type": "pe_audio_encoder",
            **_TOWER,
            "dac_config": {
                "model_type": "dac",
                "encoder_hidden_size": 4,
                "downsampling_ratios": [2, 4],
                "codebook_dim": 8,
                "sampling_rate": 48_000,
            },
        },
        "video_config": {
            "model_type": "pe_video_encoder",
            **_TOWER,
            "vision_config": {"model_type": "timm_wrapper", "architecture": "vit_pe_core_large_patch14_336"},
        },
    },
}


def frame_shapes(width: int, depth: int, patch: int, places: int, embed: int) -> Shapes:
    """timm's names of `vit_pe_core_*`."""
    shapes: Shapes = {"cls_token": (1, 1, width), "pos_embed": (1, 1 + places, width)}
    shapes |= {"patch_embed.proj.weight": (width, 3, patch, patch)}

    def dense(name: str, out: int, fan: int) -> None:
        shapes.update({f"{name}.weight": (out, fan), f"{name}.bias": (out,)})

    def norm(name: str) -> None:
        shapes.update({f"{name}.weight": (width,), f"{name}.bias": (width,)})

    for layer in range(depth):
        for part, out, fan in (("attn.qkv", 3, 1), ("attn.proj", 1, 1), ("mlp.fc1", 4, 1), ("mlp.fc2", 1, 4)):
            dense(f"blocks.{layer}.{part}", out * width, fan * width)
        norm(f"blocks.{layer}.norm1")
        norm(f"blocks.{layer}.norm2")
    shapes |= {"attn_pool.latent": (1, 1, width)}
    for part, out, fan in (("q", 1, 1), ("kv", 2, 1), ("proj", 1, 1), ("mlp.fc1", 4, 1), ("mlp.fc2", 1, 4)):
        dense(f"attn_pool.{part}", out * width, fan * width)
    for name in ("norm_pre", "norm", "attn_pool.norm"):
        norm(name)
    dense("head", embed, width)
    return shapes


def frame_tensors() -> dict[str, torch.Tensor]:
    return random_tensors(frame_shapes(WIDTH, DEPTH, PATCH, SIDE * SIDE, EMBED))


def turned(vector_K: torch.Tensor, column: int, row: int) -> torch.Tensor:
    """A head's 64 numbers, pair by pair as complex numbers: 16 pairs by the column, 16 by the row."""
    out = vector_K.clone()
    for pair in range(32):
        place = column + 1 if pair < 16 else row + 1
        angle = place / 10_000 ** ((pair % 16) / 16)
        x, y = vector_K[2 * pair], vector_K[2 * pair + 1]
        out[2 * pair] = x * math.cos(angle) - y * math.sin(angle)
        out[2 * pair + 1] = y * math.cos(angle) + x * math.sin(angle)
    return out


def slow_frame(t: Tensors, pixels_CHW: torch.Tensor) -> torch.Tensor:
    """(E) of one frame, by loops over tokens and heads."""
    places = [(row, column) for row in range(SIDE) for column in range(SIDE)]
    tokens = [t["cls_token"][0, 0]]
    for row, column in places:
        patch = pixels_CHW[:, row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH]
        tokens.append(torch.einsum("cyx,dcyx->d", patch, t["patch_embed.proj.weight"]))
    x = layer_norm(t, "norm_pre", torch.stack(tokens) + t["pos_embed"][0])
    for layer in range(DEPTH):
        name = f"blocks.{layer}"
        query, key, value = linear(t, f"{name}.attn.qkv", layer_norm(t, f"{name}.norm1", x)).chunk(3, dim=1)
        for index, (row, column) in enumerate(places, 1):
            for start in range(0, WIDTH, 64):
                for one in (query[index, start : start + 64], key[index, start : start + 64]):
                    one.copy_(turned(one, column, row))
        x = x + linear(t, f"{name}.attn.proj", attention(query, key, value))
        x = x + mlp(t, f"{name}.mlp.fc1", f"{name}.mlp.fc2", layer_norm(t, f"{name}.norm2", x))
    x = layer_norm(t, "norm", x)
    query = linear(t, "attn_pool.q", t["attn_pool.latent"][0, 0])
    key, value = linear(t, "attn_pool.kv", x).chunk(2, dim=1)
    pooled = linear(t, "attn_pool.proj", attention(query[None], key, value, WIDTH // 8)[0])
    pooled = pooled + mlp(t, "attn_pool.mlp.fc1", "attn_pool.mlp.fc2", layer_norm(t, "attn_pool.norm", pooled))
    return linear(t, "head", pooled)


def published_shapes() -> Shapes:
    """The names of transformers' own PE-AV of three modalities, whose frame encoders have timm's names."""
    prepare_torchaudio()
    from transformers import PeAudioVideoConfig, PeAudioVideoModel, ViTConfig

    config, one = PeAudioVideoConfig.from_dict(CONFIG), ViTConfig().to_dict()
    sizes = dict.fromkeys(("hidden_size", "num_attention_heads", "intermediate_size", "num_hidden_layers"), 1)
    config.audio_video_config.video_config.vision_config = ViTConfig(**{**one, **sizes, "num_labels": EMBED})
    with torch.device("meta"):
        state = PeAudioVideoModel(config).state_dict()
    shapes: Shapes = {name: tuple(value.shape) for name, value in state.items() if ".vision_model." not in name}
    frames = frame_shapes(WIDTH, DEPTH, PATCH, SIDE * SIDE, EMBED).items()
    both = (FRAMES, FRAMES.replace("video_model.", "audio_video_encoder.embedder.", 1))
    return shapes | {prefix + name: shape for prefix in both for name, shape in frames}


def write(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Writes a folder as the hub has it."""
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    words = {"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3, "a": 4, "dog": 5, "barks": 6}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
