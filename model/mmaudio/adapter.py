"""MMAudio's weights in a network with an InputEmbedding, and back. Source: SPEC M1, M4.

The InputEmbedding starts as the identity: its first F channels are x_t unchanged, the ConvPositionEmbedding's last
convolution is zero, and the audio projection uses only those F channels. So the network equals MMAudio on the first
step, whatever the reference; the reference's columns and the unused channels have gradients from the first step on.
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

    `seed` draws the weights that do not affect the first step.
    """
    weights = {key: value.float() for key, value in tensors.items()}
    if config.input_embedding:
        weights |= _identity_embedding(weights[_AUDIO], config, seed)
    return weights


def _identity_embedding(audio_DFK: Tensor, config: NetworkConfig, seed: int) -> dict[str, Tensor]:
    width, channels, kernel = audio_DFK.shape
    if width < channels:
        raise WeightsError(f"an InputEmbedding of width {width} cannot pass on {channels} latent channels")
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
    """Returns MMAudio's state dict: the tensors that `adapt` was given, or as fine-tuning changed them.

    Raises WeightsError when the network has no learned empty features, or when training has changed its
    InputEmbedding, which MMAudio lacks. `drop_input_embedding` folds the InputEmbedding's linear part for x_t into the
    first convolution and drops the rest.
    """
    if config.absent != "learned":
        raise WeightsError("the network was trained with all-zero absent features; MMAudio needs learned ones (absent)")
    kept = {key: value for key, value in weights.items() if not key.startswith("input_embed.")}
    if not config.input_embedding:
        return kept
    changes = trained_differences(weights)
    if changes and not drop_input_embedding:
        raise WeightsError(
            f"the InputEmbedding was trained ({', '.join(changes)}), so the export would be another network; "
            "give --drop-input-embedding to export it without reference audio and positions"
        )
    return kept | (_folded(weights) if changes else {_AUDIO: _narrow(weights)})


def trained_differences(weights: Mapping[str, Tensor]) -> list[str]:
    """Returns how the InputEmbedding differs from the identity on x_t; empty on the first step."""
    proj, bias = weights[f"{_PROJ}.weight"], weights[f"{_PROJ}.bias"]
    channels = proj.shape[1] // 2
    checks = {
        "its projection is not the identity on x_t": torch.equal(proj[:channels], torch.eye(channels, 2 * channels))
        and not bool(bias[:channels].any()),
        "its positions are trained": not any(bool(weights[f"{_LAST}.{name}"].any()) for name in ("weight", "bias")),
        "further channels are used": not bool(weights[_AUDIO][:, channels:].any()),
    }
    return [problem for problem, holds in checks.items() if not holds]


def _narrow(weights: Mapping[str, Tensor]) -> Tensor:
    return weights[_AUDIO][:, : weights[f"{_PROJ}.weight"].shape[1] // 2].contiguous()


def _folded(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """conv(P x + b) = (conv P) x + conv b, exact except on the first and last frames, where zero padding is added."""
    audio, proj = weights[_AUDIO], weights[f"{_PROJ}.weight"]
    on_x = proj[:, : proj.shape[1] // 2]
    bias = weights["audio_input_proj.0.bias"] + audio.sum(-1) @ weights[f"{_PROJ}.bias"]
    return {_AUDIO: torch.einsum("dek,ef->dfk", audio, on_x), "audio_input_proj.0.bias": bias}
