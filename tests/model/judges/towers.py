"""The transformers of the two CLAPs by plain loops, over tensors under their published names."""

from __future__ import annotations

import math

import torch

from tests.model.judges.loops import Tensors, attention, batch_norm, layer_norm, linear, log_mel, mlp, part


def slow_htsat(t: Tensors, samples: torch.Tensor, hop: int) -> torch.Tensor:
    """Swin's stages window by window; the mean over all places of the last norm."""
    mel_FM = batch_norm(t, "bn0", log_mel(t, samples, hop), dim=1)
    stretched = torch.nn.functional.interpolate(mel_FM[None, None], (1024, 64), mode="bicubic", align_corners=True)
    image = torch.cat([piece.T for piece in stretched[0, 0].split(256)])  # four quarters of the time, stacked
    kernel = t["patch_embed.proj.weight"][:, 0]
    grid = [
        [torch.einsum("dyx,yx->d", kernel, image[y : y + 4, x : x + 4]) for x in range(0, 256, 4)]
        for y in range(0, 256, 4)
    ]
    x = torch.stack([torch.stack(row) for row in grid]) + t["patch_embed.proj.bias"]
    x = layer_norm(t, "patch_embed.norm", x)
    stage = 0
    while f"layers.{stage}.blocks.0.norm1.weight" in t:
        block = 0
        while f"layers.{stage}.blocks.{block}.norm1.weight" in t:
            x = slow_block(part(t, f"layers.{stage}.blocks.{block}."), x, shift=4 if block % 2 and len(x) > 8 else 0)
            block += 1
        if f"layers.{stage}.downsample.norm.weight" in t:
            down = part(t, f"layers.{stage}.downsample.")
            corners = [x[0::2, 0::2], x[1::2, 0::2], x[0::2, 1::2], x[1::2, 1::2]]
            x = linear(down, "reduction", layer_norm(down, "norm", torch.cat(corners, dim=-1)))
        stage += 1
    return layer_norm(t, "norm", x).flatten(0, 1).mean(dim=0)


def slow_block(t: Tensors, x: torch.Tensor, shift: int) -> torch.Tensor:
    """Attention within windows of 8 x 8 of a grid that is moved by `shift`, around its edges; then two layers."""
    side, table = len(x), t["attn.relative_position_bias_table"]
    wide = x.shape[-1] // table.shape[1]
    seen, mixed = layer_norm(t, "norm1", x), torch.zeros_like(x)
    near = [[(i // 8 - j // 8 + 7) * 15 + i % 8 - j % 8 + 7 for j in range(64)] for i in range(64)]
    for top in range(0, side, 8):
        for left in range(0, side, 8):
            inside = [(top + y, left + x) for y in range(8) for x in range(8)]
            rows = torch.tensor([(y + shift) % side for y, _ in inside])
            columns = torch.tensor([(x + shift) % side for _, x in inside])
            edge = side - shift if shift else side  # what comes around the edge is not seen from this side
            zones = torch.tensor([2 * (y >= edge) + (x >= edge) for y, x in inside])
            hidden = torch.where(zones[:, None] == zones, 0.0, -100.0)
            query, key, value = linear(t, "attn.qkv", seen[rows, columns]).chunk(3, dim=1)
            heads = []
            for head in range(table.shape[1]):
                own = slice(head * wide, (head + 1) * wide)
                scores = query[:, own] @ key[:, own].T / math.sqrt(wide) + table[near, head] + hidden
                heads.append(scores.softmax(dim=1) @ value[:, own])
            mixed[rows, columns] = linear(t, "attn.proj", torch.cat(heads, dim=1))
    x = x + mixed
    return x + mlp(t, "mlp.fc1", "mlp.fc2", layer_norm(t, "norm2", x))


def slow_roberta(t: Tensors, ids: list[int]) -> torch.Tensor:
    """The pooled first token; places count from 2."""
    words = [t["embeddings.word_embeddings.weight"][number] for number in ids]
    places = t["embeddings.position_embeddings.weight"][2 : 2 + len(ids)]
    x = torch.stack(words) + places + t["embeddings.token_type_embeddings.weight"][0]
    x = layer_norm(t, "embeddings.LayerNorm", x)
    layer = 0
    while f"encoder.layer.{layer}.output.dense.weight" in t:
        own = part(t, f"encoder.layer.{layer}.")
        query, key, value = (linear(own, f"attention.self.{name}", x) for name in ("query", "key", "value"))
        out = linear(own, "attention.output.dense", attention(query, key, value))
        x = layer_norm(own, "attention.output.LayerNorm", x + out)
        x = layer_norm(own, "output.LayerNorm", x + mlp(own, "intermediate.dense", "output.dense", x))
        layer += 1
    return linear(t, "pooler.dense", x[0]).tanh()


def slow_gpt2(t: Tensors, ids: list[int]) -> torch.Tensor:
    """The states (L, D) after the last norm."""

    def layer_of(own: Tensors, name: str, x: torch.Tensor) -> torch.Tensor:
        return x @ own[f"{name}.weight"] + own[f"{name}.bias"]

    x = torch.stack([t["wte.weight"][number] for number in ids]) + t["wpe.weight"][: len(ids)]
    layer = 0
    while f"h.{layer}.ln_1.weight" in t:
        own = part(t, f"h.{layer}.")
        query, key, value = layer_of(own, "attn.c_attn", layer_norm(own, "ln_1", x)).chunk(3, dim=1)
        x = x + layer_of(own, "attn.c_proj", attention(query, key, value, causal=True))
        inner = layer_of(own, "mlp.c_fc", layer_norm(own, "ln_2", x))
        bent = 0.5 * inner * (1 + torch.tanh(math.sqrt(2 / math.pi) * (inner + 0.044715 * inner**3)))
        x = x + layer_of(own, "mlp.c_proj", bent)
        layer += 1
    return layer_norm(t, "ln_f", x)
