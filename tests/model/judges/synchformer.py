"""The whole Synchformer, written down apart from our network: its names and shapes, and plain loops over segments."""

from __future__ import annotations

import numpy as np
import torch

from tests.model.codec.layouts import Shapes, random_tensors
from tests.model.encoders.synchformer import DEPTH, PATCH, PREFIX, SIDE, WIDTH, visual
from tests.model.judges.loops import Tensors, attention, layer_norm, linear, mlp

AUDIO_DEPTH, FUSION_DEPTH = 2, 1
AUDIO = "afeat_extractor"


def whole(width: int, depth: int, audio_depth: int, fusion_depth: int, places: int, patch: int) -> Shapes:
    """All names of the checkpoint; 513 at full size."""
    shapes: Shapes = {PREFIX + name: shape for name, shape in visual(width, depth, places, patch).items()}

    def dense(name: str, out: int, fan: int) -> None:
        shapes.update({f"{name}.weight": (out, fan), f"{name}.bias": (out,)})

    def norm(name: str) -> None:
        shapes.update({f"{name}.weight": (width,), f"{name}.bias": (width,)})

    root = f"{AUDIO}.ast.embeddings"
    shapes |= {f"{root}.cls_token": (1, 1, width), f"{root}.distillation_token": (1, 1, width)}
    shapes |= {f"{root}.position_embeddings": (1, 74, width)}
    shapes |= {f"{root}.patch_embeddings.projection.weight": (width, 1, 16, 16)}
    shapes |= {f"{root}.patch_embeddings.projection.bias": (width,)}
    for layer in range(audio_depth):
        name = f"{AUDIO}.ast.encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            dense(f"{name}.attention.attention.{part}", width, width)
        dense(f"{name}.attention.output.dense", width, width)
        dense(f"{name}.intermediate.dense", 4 * width, width)
        dense(f"{name}.output.dense", width, 4 * width)
        norm(f"{name}.layernorm_before")
        norm(f"{name}.layernorm_after")
    norm(f"{AUDIO}.ast.layernorm")
    root = f"{AUDIO}.freq_attn_agg"
    shapes |= {f"{root}.cls_token": (1, 1, width), f"{root}.self_attn.in_proj_weight": (3 * width, width)}
    shapes |= {f"{root}.self_attn.in_proj_bias": (3 * width,)}
    dense(f"{root}.self_attn.out_proj", width, width)
    dense(f"{root}.linear1", 4 * width, width)
    dense(f"{root}.linear2", width, 4 * width)
    norm(f"{root}.norm1")
    norm(f"{root}.norm2")
    dense("vproj", width, width)
    dense("aproj", width, width)
    shapes |= {"transformer.OFF_tok": (1, 1, width), "transformer.MOD_tok": (1, 1, width)}
    shapes |= {"transformer.pos_emb_cfg.pos_emb": (1, 198, width)}
    for layer in range(fusion_depth):
        name = f"transformer.blocks.{layer}"
        norm(f"{name}.ln1")
        norm(f"{name}.ln2")
        for part in ("key", "query", "value", "proj"):
            dense(f"{name}.attn.{part}", width, width)
        dense(f"{name}.mlp.0", 4 * width, width)
        dense(f"{name}.mlp.2", width, 4 * width)
    for name in ("vis_in_lnorm", "aud_in_lnorm", "ln_f"):
        norm(f"transformer.{name}")
    dense("transformer.off_head", 21, width)
    return shapes


def tiny() -> dict[str, torch.Tensor]:
    return random_tensors(whole(WIDTH, DEPTH, AUDIO_DEPTH, FUSION_DEPTH, SIDE * SIDE, PATCH))


def attend(t: Tensors, name: str, x_ND: torch.Tensor, heads: int) -> torch.Tensor:
    query, key, value = (linear(t, f"{name}.{part}", x_ND) for part in ("query", "key", "value"))
    return attention(query, key, value, WIDTH // heads)


def slow_mel(segment_T: np.ndarray) -> torch.Tensor:
    """(66, 128) of 10,240 samples: frame by frame, band by band, in float64."""
    padded = np.pad(segment_T.astype(np.float64), 512, mode="reflect")
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    window = np.pad(hann, 312)
    edges_hz = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 130) / 2595) - 1)
    bins_hz = np.arange(513) * 16_000 / 1024
    rows = np.zeros((66, 128))
    powers = [np.abs(np.fft.rfft(padded[160 * frame : 160 * frame + 1024] * window)) ** 2 for frame in range(65)]
    for band in range(128):
        low, mid, high = edges_hz[band : band + 3]
        triangle = np.maximum(0, np.minimum((bins_hz - low) / (mid - low), (high - bins_hz) / (high - mid)))
        for frame, power in enumerate(powers):
            rows[frame, band] = np.log(triangle @ power + 1e-6)
    return torch.from_numpy((rows + 4.2677393) / (2 * 4.5689974)).float()


def slow_audio(t: Tensors, segment_T: np.ndarray) -> torch.Tensor:
    """(6, D) of one segment."""
    mel, root = slow_mel(segment_T), f"{AUDIO}.ast"
    kernel = t[f"{root}.embeddings.patch_embeddings.projection.weight"][:, 0]
    tokens = [t[f"{root}.embeddings.cls_token"][0, 0], t[f"{root}.embeddings.distillation_token"][0, 0]]
    for band in range(0, 113, 10):
        for frame in range(0, 51, 10):
            patch = mel[frame : frame + 16, band : band + 16].T
            made = torch.einsum("ft,dft->d", patch, kernel)
            tokens.append(made + t[f"{root}.embeddings.patch_embeddings.projection.bias"])
    x = torch.stack(tokens) + t[f"{root}.embeddings.position_embeddings"][0]
    for layer in range(AUDIO_DEPTH):
        name = f"{root}.encoder.layer.{layer}"
        seen = layer_norm(t, f"{name}.layernorm_before", x, 1e-12)
        x = x + linear(t, f"{name}.attention.output.dense", attend(t, f"{name}.attention.attention", seen, WIDTH // 64))
        seen = layer_norm(t, f"{name}.layernorm_after", x, 1e-12)
        x = x + mlp(t, f"{name}.intermediate.dense", f"{name}.output.dense", seen)
    x = layer_norm(t, f"{root}.layernorm", x, 1e-12)[2:]
    return torch.stack([summary(t, x[step::6]) for step in range(6)])


def summary(t: Tensors, tokens_QD: torch.Tensor) -> torch.Tensor:
    """torch's own encoder layer over a class token and the tokens; the class token's row."""
    root = f"{AUDIO}.freq_attn_agg."
    layer = torch.nn.TransformerEncoderLayer(
        WIDTH, 2, 4 * WIDTH, dropout=0.0, activation="gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True
    )
    own = {name.removeprefix(root): value for name, value in t.items() if name.startswith(root)}
    first = own.pop("cls_token")[0]
    layer.load_state_dict(own)
    with torch.no_grad():
        return layer.train(mode=True)(torch.cat([first, tokens_QD])[None])[0, 0]


def slow_logits(t: Tensors, video_SFD: torch.Tensor, audio_SAD: torch.Tensor) -> torch.Tensor:
    """(21) of 14 segments of both."""
    root = "transformer"
    video = layer_norm(t, f"{root}.vis_in_lnorm", linear(t, "vproj", video_SFD.reshape(-1, WIDTH)), 1e-5)
    audio = layer_norm(t, f"{root}.aud_in_lnorm", linear(t, "aproj", audio_SAD.reshape(-1, WIDTH)), 1e-5)
    x = torch.cat([t[f"{root}.OFF_tok"][0], video, t[f"{root}.MOD_tok"][0], audio])
    x = x + t[f"{root}.pos_emb_cfg.pos_emb"][0]
    for layer in range(FUSION_DEPTH):
        name = f"{root}.blocks.{layer}"
        x = x + linear(t, f"{name}.attn.proj", attend(t, f"{name}.attn", layer_norm(t, f"{name}.ln1", x, 1e-5), 8))
        seen = layer_norm(t, f"{name}.ln2", x, 1e-5)
        x = x + mlp(t, f"{name}.mlp.0", f"{name}.mlp.2", seen)
    return linear(t, f"{root}.off_head", layer_norm(t, f"{root}.ln_f", x[:1], 1e-5))[0]
