"""MMAudio's weights in a network with an InputEmbedding, and back. Source: SPEC M1, M4.

The InputEmbedding starts as a passage: its first F channels carry x_t unchanged, the ConvPositionEmbedding's last
convolution is zero, and the audio projection reads nothing but those F channels. So the network is MMAudio on the first
step, whatever the reference; the reference's columns and all unread channels have gradients at once.
Legend: D width, F latent channels. `input_embed.proj.weight` is (D, 2F): x_t's columns, then the reference's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

from data_contracts import WeightsError
from model.config import NetworkConfig
from model.network.inputs import InputEmbedding
from model.network.layers import draw_weights

_PROJ: Final = "input_embed.proj"
_LAST: Final = "input_embed.conv_pos_embed.conv1d.2"
_AUDIO: Final = "audio_input_proj.0.weight"
LEARNED: Final = ("empty_clip_feat", "empty_sync_feat", "empty_string_feat")


def adapt(tensors: Mapping[str, Tensor], config: NetworkConfig, *, seed: int = 0) -> dict[str, Tensor]:
    """Returns the state dict of a network of this config that starts as the MMAudio network in `tensors`.

    `seed` draws what the start does not depend on.
    """
    weights = {key: value.float() for key, value in tensors.items()}
    if config.input_embedding:
        weights |= _passage(weights[_AUDIO], config, seed)
    return weights


def _passage(audio_DFK: Tensor, config: NetworkConfig, seed: int) -> dict[str, Tensor]:
    width, channels, kernel = audio_DFK.shape
    if width < channels:
        raise WeightsError(f"an InputEmbedding of width {width} cannot carry {channels} latent channels unchanged")
    embedding = InputEmbedding(channels, width, config.position_kernel, config.position_groups)
    draw_weights(embedding, torch.Generator().manual_seed(seed))
    state = {f"input_embed.{key}": value for key, value in embedding.state_dict().items()}
    proj = state[f"{_PROJ}.weight"].clone()
    proj[:channels] = torch.eye(channels, 2 * channels)
    wide = audio_DFK.new_zeros(width, width, kernel)
    wide[:, :channels] = audio_DFK
    last = {f"{_LAST}.{name}": torch.zeros_like(state[f"{_LAST}.{name}"]) for name in ("weight", "bias")}
    return state | last | {f"{_PROJ}.weight": proj, _AUDIO: wide}


def extract(
    weights: Mapping[str, Tensor], config: NetworkConfig, *, drop_input_embedding: bool = False
) -> dict[str, Tensor]:
    """Returns MMAudio's state dict: the very tensors that `adapt` was given, or what fine-tuning made of them.

    Raises WeightsError when the network has no learned empty features, or has learnt to use its InputEmbedding, which
    MMAudio lacks. `drop_input_embedding` folds its linear part for x_t into the first convolution and drops the rest.
    """
    if config.absent != "learned":
        raise WeightsError("the network was trained with all-zero absent features; MMAudio needs learned ones (absent)")
    kept = {key: value for key, value in weights.items() if not key.startswith("input_embed.")}
    if not config.input_embedding:
        return kept
    learnt = learnt_reference(weights)
    if learnt and not drop_input_embedding:
        raise WeightsError(
            f"the InputEmbedding is no longer MMAudio's ({', '.join(learnt)}), so the export would be another network; "
            "give --drop-input-embedding to export it without reference audio and positions"
        )
    return kept | (_folded(weights) if learnt else {_AUDIO: _narrow(weights)})


def learnt_reference(weights: Mapping[str, Tensor]) -> list[str]:
    """Returns what keeps the InputEmbedding from being a mere passage of x_t; empty on the first step."""
    proj, bias = weights[f"{_PROJ}.weight"], weights[f"{_PROJ}.bias"]
    channels = proj.shape[1] // 2
    checks = {
        "its projection is not the identity on x_t": torch.equal(proj[:channels], torch.eye(channels, 2 * channels))
        and not bool(bias[:channels].any()),
        "its positions are trained": not any(bool(weights[f"{_LAST}.{name}"].any()) for name in ("weight", "bias")),
        "further channels are read": not bool(weights[_AUDIO][:, channels:].any()),
    }
    return [problem for problem, holds in checks.items() if not holds]


def _narrow(weights: Mapping[str, Tensor]) -> Tensor:
    return weights[_AUDIO][:, : weights[f"{_PROJ}.weight"].shape[1] // 2].contiguous()


def _folded(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """conv(P x + b) = (conv P) x + conv b, exact but for the clip's first and last frames, which see zero padding."""
    audio, proj = weights[_AUDIO], weights[f"{_PROJ}.weight"]
    on_x = proj[:, : proj.shape[1] // 2]
    bias = weights["audio_input_proj.0.bias"] + audio.sum(-1) @ weights[f"{_PROJ}.bias"]
    return {_AUDIO: torch.einsum("dek,ef->dfk", audio, on_x), "audio_input_proj.0.bias": bias}
