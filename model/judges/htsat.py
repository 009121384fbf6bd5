"""HTS-AT, the audio transformer of LAION-CLAP and MS-CLAP: transformers' network behind the files' own front end.

Legend: B sounds, T samples, F frames, M = 64 mel bands, D width.
The original's names become those of `ClapAudioModel`; `qkv` is split into three. The classification head
(`tscam_conv`, `head`) and the attention masks, which transformers computes, are left out; relative positions, also
constants, are computed here.
Source: Chen et al. 2022 (HTS-AT).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from torch import Tensor, nn

from model.codec.torchaudio_shim import prepare_torchaudio
from model.judges.layout import shape
from model.judges.log_mel import LogMelFilters, PowerSpectrogram
from model.weights.files import TensorFile
from model.weights.names import layer_count

MERGED: Final = 4  # the spectrogram is cut into this many pieces, which are stacked to a square
PATCH: Final = 4
_UNUSED: Final = ("tscam_conv", "head")
_CONSTANTS: Final = (".attn_mask", ".relative_position_index")
_TABLE: Final = "relative_position_bias_table"
_BLOCK: Final = {
    "norm1": "layernorm_before",
    "norm2": "layernorm_after",
    "attn.proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}


class Htsat(nn.Module):
    """Sounds to log-mel spectrograms (the file's own front end) to one vector."""

    def __init__(self, window: int, hop: int, network: Any) -> None:
        super().__init__()
        self.spectrogram_extractor = PowerSpectrogram(window, hop)
        self.logmel_extractor = LogMelFilters(window, network.config.num_mel_bins)
        self.network = network
        self.width = int(network.config.hidden_size)

    def forward(self, sounds_BT: Tensor) -> Tensor:
        """Returns (B, D)."""
        mel_BFM = self.logmel_extractor(self.spectrogram_extractor(sounds_BT))
        pooled: Tensor = self.network(input_features=mel_BFM[:, None]).pooler_output
        return pooled


def htsat_maker(file: TensorFile, prefix: str, hop: int, name: str) -> Callable[[], Htsat]:
    """Returns what makes the network with the sizes that a file has below `prefix`, such as `audio_branch.`.

    Sizes are read and transformers is imported here, not when the network is made: an import while the meta device is
    the default leaves constants of torchaudio without data. Raises WeightsError when the file has no HTS-AT there.
    """
    prepare_torchaudio()
    from transformers import ClapAudioConfig, ClapAudioModel

    window = shape(file, f"{prefix}spectrogram_extractor.stft.conv_real.weight", 3, name)[-1]
    bands = shape(file, f"{prefix}logmel_extractor.melW", 2, name)[-1]
    width = shape(file, f"{prefix}patch_embed.proj.weight", 4, name)[0]
    stages = range(max(1, layer_count(file.tensors, f"{prefix}layers.")))
    tables = [f"{prefix}layers.{stage}.blocks.0.attn.{_TABLE}" for stage in stages]
    heads = [shape(file, table, 2, name)[1] for table in tables]
    config = ClapAudioConfig(
        num_mel_bins=bands,
        spec_size=MERGED * bands,
        patch_size=PATCH,
        patch_stride=(PATCH, PATCH),
        window_size=window_side(file.tensors[tables[0]]),
        patch_embeds_hidden_size=width,
        hidden_size=width * 2 ** (len(stages) - 1),
        depths=[layer_count(file.tensors, f"{prefix}layers.{stage}.blocks.") for stage in stages],
        num_attention_heads=heads,
    )
    return lambda: Htsat(window, hop, ClapAudioModel(config))


def htsat_tensors(tensors: Mapping[str, Tensor], prefix: str, target: str) -> dict[str, Tensor]:
    """Returns the tensors below `prefix` under the names of an `Htsat` below `target`. Unknown names stay as they are,
    so that a strict load names them."""
    own = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    return {target + new: part for name, value in own.items() for new, part in _renamed(name, value).items()}


def _renamed(name: str, value: Tensor) -> dict[str, Tensor]:
    first, _, rest = name.partition(".")
    if first in _UNUSED or name.endswith(_CONSTANTS):
        return {}
    if first in ("spectrogram_extractor", "logmel_extractor"):
        return {name: value}
    root = "network.audio_encoder."
    if first == "bn0":
        return {f"{root}batch_norm.{rest}": value}
    stage, found, block = name.partition(".blocks.")
    if not found:
        return {root + name: value}
    number, _, rest = block.partition(".")
    start = f"{root}{stage}.blocks.{number}"
    if rest in ("attn.qkv.weight", "attn.qkv.bias"):
        kind = rest.removeprefix("attn.qkv.")
        parts = zip(("query", "key", "value"), value.chunk(3), strict=True)
        return {f"{start}.attention.self.{part}.{kind}": matrix for part, matrix in parts}
    if rest == f"attn.{_TABLE}":
        attention = f"{start}.attention.self."
        return {attention + _TABLE: value, f"{attention}relative_position_index": relative_places(window_side(value))}
    for old, new in _BLOCK.items():
        if rest == old or rest.startswith(f"{old}."):
            return {f"{start}.{new}{rest.removeprefix(old)}": value}
    return {f"{start}.{rest}": value}


def window_side(table: Tensor) -> int:
    """Returns the side of a window, in tokens, from its table of biases: (2 * side - 1) ** 2 rows."""
    return (round(len(table) ** 0.5) + 1) // 2


def relative_places(side: int) -> Tensor:
    """Returns (side ** 2, side ** 2): the row of the table of biases for each two tokens of a window."""
    token = torch.arange(side**2)
    down, right = (part[:, None] - part + side - 1 for part in (token // side, token % side))
    return down * (2 * side - 1) + right
