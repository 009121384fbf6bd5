"""The published audio judges' names and shapes, written down from their descriptions and not from our networks.

Each function returns name -> shape; the same list at small sizes makes the files of the tests.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch

from tests.model.codec.layouts import Shapes, random_tensors


def dense(name: str, out: int, fan: int, *, bias: bool = True) -> Shapes:
    return {f"{name}.weight": (out, fan)} | ({f"{name}.bias": (out,)} if bias else {})


def affine(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def batch_norm(name: str, width: int) -> Shapes:
    counted: Shapes = {f"{name}.num_batches_tracked": ()}
    return affine(name, width) | {f"{name}.running_mean": (width,), f"{name}.running_var": (width,)} | counted


def front_end(window: int, bands: int) -> Shapes:
    bins = window // 2 + 1
    parts = ("conv_real", "conv_imag")
    shapes: Shapes = {f"spectrogram_extractor.stft.{part}.weight": (bins, 1, window) for part in parts}
    return shapes | {"logmel_extractor.melW": (bins, bands)}


def vggish(channels: Sequence[int] = (64, 128, 256, 256, 512, 512), hidden: int = 4096, width: int = 128) -> Shapes:
    """18 tensors."""
    shapes: Shapes = {}
    for place, fan, out in zip((0, 3, 6, 8, 11, 13), (1, *channels), channels, strict=False):
        shapes |= {f"features.{place}.weight": (out, fan, 3, 3), f"features.{place}.bias": (out,)}
    shapes |= dense("embeddings.0", hidden, channels[-1] * 24) | dense("embeddings.2", hidden, hidden)
    return shapes | dense("embeddings.4", width, hidden)


def cnn14(
    channels: Sequence[int] = (64, 128, 256, 512, 1024, 2048), width: int = 2048, classes: int = 527, window: int = 512
) -> Shapes:
    """84 tensors."""
    shapes = front_end(window, 64) | batch_norm("bn0", 64)
    for number, (fan, out) in enumerate(zip((1, *channels), channels, strict=False), 1):
        name = f"conv_block{number}"
        shapes |= {f"{name}.conv1.weight": (out, fan, 3, 3), f"{name}.conv2.weight": (out, out, 3, 3)}
        shapes |= batch_norm(f"{name}.bn1", out) | batch_norm(f"{name}.bn2", out)
    return shapes | dense("fc1", width, channels[-1]) | dense("fc_audioset", classes, width)


def passt(width: int = 768, depth: int = 12, rows: int = 12, columns: int = 99, classes: int = 527) -> Shapes:
    shapes: Shapes = {"cls_token": (1, 1, width), "dist_token": (1, 1, width), "new_pos_embed": (1, 2, width)}
    shapes |= {"freq_new_pos_embed": (1, width, rows, 1), "time_new_pos_embed": (1, width, 1, columns)}
    shapes |= {"patch_embed.proj.weight": (width, 1, 16, 16), "patch_embed.proj.bias": (width,)}
    for layer in range(depth):
        name = f"blocks.{layer}"
        shapes |= affine(f"{name}.norm1", width) | affine(f"{name}.norm2", width)
        shapes |= dense(f"{name}.attn.qkv", 3 * width, width) | dense(f"{name}.attn.proj", width, width)
        shapes |= dense(f"{name}.mlp.fc1", 4 * width, width) | dense(f"{name}.mlp.fc2", width, 4 * width)
    shapes |= affine("norm", width) | affine("head.0", width) | dense("head.1", classes, width)
    return shapes | dense("head_dist", classes, width)


def htsat(width: int, depths: Sequence[int], heads: Sequence[int], window: int = 1024) -> Shapes:
    """HTS-AT with its classification head and its constants."""
    shapes = front_end(window, 64) | batch_norm("bn0", 64) | affine("patch_embed.norm", width)
    shapes |= {"patch_embed.proj.weight": (width, 1, 4, 4), "patch_embed.proj.bias": (width,)}
    for stage, (depth, number) in enumerate(zip(depths, heads, strict=True)):
        side, wide = 64 // 2**stage, width * 2**stage
        for block in range(depth):
            name = f"layers.{stage}.blocks.{block}"
            shapes |= affine(f"{name}.norm1", wide) | affine(f"{name}.norm2", wide)
            shapes |= {f"{name}.attn.relative_position_bias_table": (225, number)}
            shapes |= {f"{name}.attn.relative_position_index": (64, 64)}
            shapes |= dense(f"{name}.attn.qkv", 3 * wide, wide) | dense(f"{name}.attn.proj", wide, wide)
            shapes |= dense(f"{name}.mlp.fc1", 4 * wide, wide) | dense(f"{name}.mlp.fc2", wide, 4 * wide)
            if block % 2 and side > 8:
                shapes |= {f"{name}.attn_mask": ((side // 8) ** 2, 64, 64)}
        if stage < len(depths) - 1:
            name = f"layers.{stage}.downsample"
            shapes |= dense(f"{name}.reduction", 2 * wide, 4 * wide, bias=False) | affine(f"{name}.norm", 4 * wide)
    last = width * 2 ** (len(depths) - 1)
    rows = 64 // 2 ** (len(depths) - 1) // 4
    shapes |= affine("norm", last) | dense("head", 527, 527)
    return shapes | {"tscam_conv.weight": (527, last, rows, 3), "tscam_conv.bias": (527,)}


def roberta(width: int, depth: int, vocabulary: int, positions: int) -> Shapes:
    root = "embeddings"
    shapes: Shapes = {f"{root}.position_ids": (1, positions), f"{root}.word_embeddings.weight": (vocabulary, width)}
    shapes |= {f"{root}.position_embeddings.weight": (positions, width)}
    shapes |= {f"{root}.token_type_embeddings.weight": (1, width)} | affine(f"{root}.LayerNorm", width)
    for layer in range(depth):
        name = f"encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            shapes |= dense(f"{name}.attention.self.{part}", width, width)
        shapes |= dense(f"{name}.attention.output.dense", width, width)
        shapes |= dense(f"{name}.intermediate.dense", 4 * width, width) | dense(
            f"{name}.output.dense", width, 4 * width
        )
        shapes |= affine(f"{name}.attention.output.LayerNorm", width) | affine(f"{name}.output.LayerNorm", width)
    return shapes | dense("pooler.dense", width, width)


def gpt2(width: int, depth: int, vocabulary: int, positions: int) -> Shapes:
    """GPT-2, whose linear layers are stored as (in, out), with the causal masks of older files."""
    shapes: Shapes = {"wte.weight": (vocabulary, width), "wpe.weight": (positions, width)} | affine("ln_f", width)
    for layer in range(depth):
        name = f"h.{layer}"
        shapes |= affine(f"{name}.ln_1", width) | affine(f"{name}.ln_2", width)
        for part, fan, out in (
            ("attn.c_attn", width, 3 * width),
            ("attn.c_proj", width, width),
            ("mlp.c_fc", width, 4 * width),
            ("mlp.c_proj", 4 * width, width),
        ):
            shapes |= {f"{name}.{part}.weight": (fan, out), f"{name}.{part}.bias": (out,)}
        shapes |= {f"{name}.attn.bias": (1, 1, positions, positions), f"{name}.attn.masked_bias": ()}
    return shapes


def under(prefix: str, shapes: Shapes) -> Shapes:
    return {prefix + name: shape for name, shape in shapes.items()}


def laion_clap(audio: Shapes, text: Shapes, joint: int = 512) -> Shapes:
    """Both towers and their projections; the two transforms are only used in training."""
    shapes = under("audio_branch.", audio) | under("text_branch.", text)
    wide, width = audio["norm.weight"][0], text["pooler.dense.bias"][0]
    for side, fan in (("audio", wide), ("text", width)):
        shapes |= dense(f"{side}_projection.0", joint, fan) | dense(f"{side}_projection.2", joint, joint)
        for number in (0, 3):
            shapes |= dense(f"{side}_transform.sequential.{number}", joint, joint)
        shapes |= {f"logit_scale_{side[0]}": ()}
    return shapes


def ms_clap(audio: Shapes, text: Shapes, joint: int = 1024) -> Shapes:
    """Both towers and their projections."""
    shapes = under("audio_encoder.base.htsat.", audio) | under("caption_encoder.base.", text) | {"logit_scale": ()}
    for side, fan in (("audio_encoder", audio["norm.weight"][0]), ("caption_encoder", text["ln_f.bias"][0])):
        name = f"{side}.projection"
        shapes |= dense(f"{name}.linear1", joint, fan, bias=False) | dense(f"{name}.linear2", joint, joint, bias=False)
        shapes |= affine(f"{name}.layer_norm", joint)
    return shapes


def tensors(shapes: Shapes, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights, with constants, variances and filters that make sense."""
    made = random_tensors(shapes, seed)
    for name, value in made.items():
        if name.endswith(("running_var", "melW")) or (name.endswith("weight") and value.ndim == 1):
            made[name] = 0.5 + value.abs()
        elif name.endswith("relative_position_index"):
            made[name] = relative_places()
        elif name.endswith(("num_batches_tracked", "position_ids")):
            made[name] = torch.zeros(value.shape, dtype=torch.int64)
    return made


def relative_places() -> torch.Tensor:
    """(64, 64): which of the 225 differences of place two tokens of an 8 x 8 window have."""
    rows = [[(one // 8 - other // 8 + 7) * 15 + one % 8 - other % 8 + 7 for other in range(64)] for one in range(64)]
    return torch.tensor(rows)


SPECIALS = {"roberta": ("<s>", "<pad>", "</s>", "<unk>"), "gpt2": ()}
LAST = {"roberta": ("<mask>",), "gpt2": ("<|endoftext|>",)}


def write_tokens(folder: Path, kind: str) -> int:
    """Writes a small `vocab.json` and `merges.txt` with the special tokens where the published ones have them. Returns
    the number of tokens."""
    from tokenizers.pre_tokenizers import ByteLevel

    merges = [("\u0120", "d"), ("o", "g"), ("\u0120d", "og"), ("!", "!")]
    names = [*SPECIALS[kind], *sorted(ByteLevel.alphabet()), *(a + b for a, b in merges), *LAST[kind]]
    (folder / "vocab.json").write_text(json.dumps({name: number for number, name in enumerate(names)}), "utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges), "utf-8")
    return len(names)
